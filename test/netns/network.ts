import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

/** What is missing here for tests in network namespaces, or `false`. */
export function whatIsMissing(): string | false {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  if (spawnSync('ip', ['-V']).status !== 0) return 'the program ip (iproute2) is missing';
  const name = `sluice-${process.pid}-try`;
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0) return 'this machine lets nobody make network namespaces';
  spawnSync('ip', ['netns', 'delete', name]);
  return false;
}

function ip(...words: string[]): void {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/**
 * A network of namespaces for one test, with names of this process; nothing of it is in the namespace that the test
 * runs in. All of it is taken away at the end, whatever happens.
 */
export class Network {
  readonly #names = new Set<string>();
  readonly #prefix: string;

  constructor(t: TestContext, word: string) {
    this.#prefix = `sluice-${process.pid}-${word}`;
    t.after(() => this.#remove());
  }

  /** Makes a namespace whose loopback is up. Returns its name. */
  add(word: string): string {
    const name = `${this.#prefix}-${word}`;
    ip('netns', 'add', name);
    this.#names.add(name);
    ip('-n', name, 'link', 'set', 'lo', 'up');
    return name;
  }

  /** Makes a bridge in a namespace of its own, and joins each namespace to it by `eth0` with its address. */
  bridge(addresses: ReadonlyMap<string, string>): void {
    const hub = this.add('hub');
    ip('-n', hub, 'link', 'add', 'br0', 'type', 'bridge');
    ip('-n', hub, 'link', 'set', 'br0', 'up');
    for (const [index, [name, address]] of [...addresses].entries()) {
      ip('-n', hub, 'link', 'add', `port${index}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      ip('-n', hub, 'link', 'set', `port${index}`, 'master', 'br0', 'up');
      ip('-n', name, 'address', 'add', address, 'dev', 'eth0');
      ip('-n', name, 'link', 'set', 'eth0', 'up');
    }
  }

  /** `ip -n NAMESPACE WORDS`. */
  run(name: string, ...words: string[]): void {
    ip('-n', name, ...words);
  }

  #remove(): void {
    for (const name of this.#names) spawnSync('ip', ['netns', 'delete', name]);
  }
}

const httpServer = `
  const { createServer } = require('node:http');
  const [address, port] = process.argv.slice(1);
  let isDraining = false;
  process.on('SIGUSR2', () => (isDraining = true));
  createServer({ keepAliveTimeout: 0 }, (request, response) => {
    if (isDraining) response.setHeader('connection', 'close');
    response.end(address);
  }).listen(Number(port), address, () => console.log('listening'));`;

export interface HttpPod {
  /** From now on each answer is the last one of its connection. */
  drain(): void;
  /** Resolves when its process has ended. */
  stop(): Promise<void>;
}

/** An HTTP server in a namespace that says its address, for one test. */
export async function httpPodIn(t: TestContext, namespace: string, address: string, port: number): Promise<HttpPod> {
  const words = ['netns', 'exec', namespace, process.execPath, '-e', httpServer, address, String(port)];
  const child = spawn('ip', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = () => ended(child);
  t.after(stop);
  await once(child.stdout, 'data');
  return { drain: () => void child.kill('SIGUSR2'), stop };
}

/** Kills a process, if it still runs. Resolves when it has ended. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

export interface Curled {
  /** The exit code of curl: 0 all is well, 7 could not connect, 28 timeout, 56 reset. */
  readonly status: number;
  readonly body: string;
  readonly ms: number;
}

/** curl in a namespace, with 10 s at most. */
export async function curlIn(namespace: string, url: string, ...options: readonly string[]): Promise<Curled> {
  const start = performance.now();
  const words = ['netns', 'exec', namespace, 'curl', '-s', '--noproxy', '*', '--max-time', '10', ...options, url];
  const child = spawn('ip', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let body = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  const [status] = (await once(child, 'close')) as [number];
  return { status, body, ms: performance.now() - start };
}
