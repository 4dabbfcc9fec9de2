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
