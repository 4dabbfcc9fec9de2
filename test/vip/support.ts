import type { Problem } from '../../src/base/errors.ts';
import type { Claim } from '../../src/vip/claim.ts';
import { type CommandResult, failure, type RunCommand } from '../../src/vip/command.ts';

export interface Call {
  readonly command: string;
  readonly input: string;
}

/** Stands in for the programs: records what was run, and answers by the first words that fit. */
export class FakePrograms {
  readonly calls: Call[] = [];
  /** By the beginning of the command: its output, or `error` of what it says before it fails. */
  readonly answers = new Map<string, string | CommandResult>();

  readonly run: RunCommand = async (program, words, input = '') => {
    const command = [program, ...words].join(' ');
    this.calls.push({ command, input });
    for (const [start, answer] of this.answers) {
      if (!command.startsWith(start)) continue;
      return typeof answer === 'string' ? { kind: 'ok', stdout: answer } : answer;
    }
    return { kind: 'ok', stdout: '' };
  };

  get commands(): string[] {
    return this.calls.map(({ command }) => command);
  }
}

export function failing(program: string, stderr: string, missing = false): CommandResult {
  return failure(program, ['…'], stderr, missing);
}

/** A claim that is another's for as long as a test says so. */
export class FakeClaim implements Claim {
  /** What is said to those who want it while it is another's. */
  holder: Problem | undefined;
  isOurs = false;
  #onFree: (() => void) | undefined;
  #onWanted: (() => void) | undefined;

  /** Whether it was waited for, and still is. */
  get isAsked(): boolean {
    return this.#onFree !== undefined;
  }

  async take(onFree?: () => void): Promise<Problem | undefined> {
    this.isOurs = this.holder === undefined;
    if (!this.isOurs) this.#onFree = onFree;
    return this.holder;
  }

  offer(onWanted: () => void): void {
    this.#onWanted = onWanted;
  }

  release(): void {
    this.isOurs = false;
    this.#onFree = undefined;
  }

  /** The other one has ended. */
  free(): void {
    this.holder = undefined;
    this.#onFree?.();
  }

  /** Another one comes to wait. */
  want(): void {
    this.#onWanted?.();
  }
}
