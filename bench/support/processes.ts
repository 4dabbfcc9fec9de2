import { type ChildProcess, spawn } from 'node:child_process';

export interface Child {
  readonly pid: number;
  /** Set once it has ended; says how, with the end of what it printed. */
  ended(): string | undefined;
  /** SIGTERM, then SIGKILL after two seconds. Resolves when the process is gone. */
  close(): Promise<void>;
}

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

const keptOutput = 4_000;
const patienceMs = 2_000;

/** Owns every process that the bench starts; ends them by pid, also when the bench itself dies of an error or Ctrl-C. */
export class Processes {
  readonly #living = new Set<ChildProcess>();

  constructor() {
    process.once('exit', () => this.#signal('SIGTERM'));
  }

  /** Starts a server. What it prints is kept only for the message that says how it ended. */
  start(command: string, args: readonly string[]): Child {
    const child = this.#spawn(command, args);
    let tail = '';
    const keep = (chunk: string) => {
      tail = (tail + chunk).slice(-keptOutput);
    };
    child.stdout?.setEncoding('utf8').on('data', keep);
    child.stderr?.setEncoding('utf8').on('data', keep);
    const gone = this.#gone(child);
    return {
      pid: child.pid ?? 0,
      ended: () => (this.#living.has(child) ? undefined : `${command} ended (${exitOf(child)}): ${tail.trim()}`),
      close: () => this.#end(child, gone),
    };
  }

  /** Runs a command to its end, or to SIGINT after `interruptMs`. Throws, with what it printed, if it fails. */
  async run(command: string, args: readonly string[], interruptMs?: number): Promise<Output> {
    const child = this.#spawn(command, args);
    const output = { stdout: '', stderr: '' };
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      output.stdout += chunk;
    });
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      output.stderr += chunk;
    });
    const timer = interruptMs === undefined ? undefined : setTimeout(() => child.kill('SIGINT'), interruptMs);
    await this.#gone(child);
    clearTimeout(timer);
    if (child.exitCode !== 0)
      throw new Error(`${command} ${exitOf(child)}: ${(output.stderr + output.stdout).trim().slice(-2_000)}`);
    return output;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#living].map((child) => this.#end(child, this.#gone(child))));
  }

  #spawn(command: string, args: readonly string[]): ChildProcess {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#living.add(child);
    return child;
  }

  #gone(child: ChildProcess): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#living.delete(child);
        resolve();
      };
      if (child.exitCode !== null || child.signalCode !== null) done();
      child.once('close', done).once('error', done);
    });
  }

  async #end(child: ChildProcess, gone: Promise<void>): Promise<void> {
    if (!this.#living.has(child)) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
    await gone;
    clearTimeout(timer);
  }

  #signal(signal: NodeJS.Signals): void {
    for (const child of this.#living) child.kill(signal);
  }
}

function exitOf(child: ChildProcess): string {
  if (child.pid === undefined) return 'could not be started';
  return child.signalCode ?? `exit ${child.exitCode}`;
}
