import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { curlIn } from './network.ts';

/** What a command prints in a namespace. Throws if it fails. */
export function outputIn(namespace: string, ...words: string[]): string {
  const all = ['netns', 'exec', namespace, ...words];
  return execFileSync('ip', all, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

/** The addresses of `device` in a namespace, with their prefix lengths. */
export function addressesIn(namespace: string, device: string): string[] {
  const [link] = JSON.parse(outputIn(namespace, 'ip', '-j', 'address', 'show', 'dev', device)) as [
    { addr_info: { local: string; prefixlen: number; scope: string }[] },
  ];
  return link.addr_info
    .filter(({ scope, local }) => scope !== 'link' && local !== '127.0.0.1' && local !== '::1')
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`)
    .sort();
}

/** Whether the nftables table of sluice is in a namespace. */
export function hasTable(namespace: string): boolean {
  return outputIn(namespace, 'nft', 'list', 'tables').includes('table inet sluice');
}

/** Who answers `url`, or `curl N` with the exit code of curl where nobody does. */
export async function whoAnswers(namespace: string, url: string): Promise<string> {
  const { status, body } = await curlIn(namespace, url);
  return status === 0 ? body : `curl ${status}`;
}

const echo = `
  const socket = require('node:dgram').createSocket('udp4');
  const [address, port, name] = process.argv.slice(1);
  socket.on('message', (_, from) => socket.send(name, from.port, from.address));
  socket.bind(Number(port), address, () => console.log('listening'));`;

const asker = `
  const socket = require('node:dgram').createSocket('udp4');
  const [address, port] = process.argv.slice(1);
  socket.on('message', (data) => console.log(String(data)));
  socket.on('error', () => {});
  process.stdin.on('data', () => socket.send('?', Number(port), address));
  socket.bind(0, () => console.log('ready'));`;

/** A UDP server in a namespace that answers its name. */
export async function udpPodIn(t: TestContext, namespace: string, address: string, port: number): Promise<void> {
  await once(nodeIn(t, namespace, echo, [address, String(port), address]).stdout, 'data');
}

/** A UDP client in a namespace that keeps its port. */
export class UdpClient {
  readonly #child: ChildProcessWithoutNullStreams;
  #answers: string[] = [];

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.#answers.push(...text.trim().split('\n')));
  }

  static async start(t: TestContext, namespace: string, address: string, port: number): Promise<UdpClient> {
    const child = nodeIn(t, namespace, asker, [address, String(port)]);
    await once(child.stdout, 'data');
    return new UdpClient(child);
  }

  /** Sends one datagram; answers come when they come. */
  send(): void {
    this.#child.stdin.write('.');
  }

  /** The answers since the last call. */
  take(): string[] {
    const answers = this.#answers;
    this.#answers = [];
    return answers;
  }
}

function nodeIn(
  t: TestContext,
  namespace: string,
  program: string,
  words: readonly string[],
): ChildProcessWithoutNullStreams {
  const all = ['netns', 'exec', namespace, process.execPath, '-e', program, ...words];
  const child = spawn('ip', all, { stdio: 'pipe' });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return child;
}

export function hasProgram(name: string): boolean {
  return spawnSync(name, ['--version']).error === undefined;
}
