import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { ended } from './network.ts';

const program = `
  const [host, port] = process.argv.slice(1);
  const socket = require('node:net').connect({ host, port: Number(port) }, () => console.error('connected'));
  socket.on('error', () => {});
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);`;

/** A TCP client in a namespace that sends what a test says. */
export class Talker {
  readonly #child: ChildProcessWithoutNullStreams;
  /** All that has come so far. */
  heard = '';

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.heard += text;
    });
  }

  /** Resolves when it is connected. */
  static async start(t: TestContext, namespace: string, host: string, port: number): Promise<Talker> {
    const words = ['netns', 'exec', namespace, process.execPath, '-e', program, host, String(port)];
    const child = spawn('ip', words, { stdio: 'pipe' });
    t.after(() => ended(child));
    await once(child.stderr, 'data');
    return new Talker(child);
  }

  send(text: string): void {
    this.#child.stdin.write(text);
  }
}
