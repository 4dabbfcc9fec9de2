import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { builtProgram } from '../support/program.ts';
import { curlIn, ended } from './network.ts';

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
export async function whoAnswers(namespace: string, url: string, ...options: readonly string[]): Promise<string> {
  const { status, body } = await curlIn(namespace, url, ...options);
  return status === 0 ? body : `curl ${status}`;
}

const echo = `
  const socket = require('node:dgram').createSocket('udp4');
  const [address, port, name] = process.argv.slice(1);
  socket.on('message', (_, from) => socket.send(name, from.port, from.address));
  socket.bind(Number(port), address, () => console.log('listening'));`;

const asker = `
  const [address, port] = process.argv.slice(1);
  const socket = require('node:dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (data) => console.log(String(data)));
  socket.on('error', () => {});
  process.stdin.on('data', () => socket.send('?', Number(port), address));
  socket.bind(0, () => console.log('ready'));`;

/** A UDP server in a namespace that answers its name. */
export async function udpPodIn(t: TestContext, namespace: string, address: string, port: number): Promise<void> {
  await once(nodeIn(t, namespace, echo, [address, String(port), address]).stdout, 'data');
}

const whoAsks = `
  const port = Number(process.argv[1]);
  const bare = (address) => address.replace('::ffff:', '');
  // The answer ends with the connection: the server closes first, and the client's port is free at once.
  const http = require('node:net').createServer((socket) => socket.on('error', () => {}).once('data', () =>
    socket.end('HTTP/1.0 200 OK\\r\\n\\r\\n' + bare(socket.remoteAddress) + ' ' + socket.remotePort)));
  const udp = require('node:dgram').createSocket('udp6');
  udp.on('message', (_, from) => udp.send(bare(from.address) + ' ' + from.port, from.port, from.address));
  udp.bind(port, () => http.listen(port, () => console.log('listening')));`;

/** An HTTP and a UDP server in a namespace that answer the address and the port of whoever asks. */
export async function echoClientsIn(t: TestContext, namespace: string, port: number): Promise<void> {
  await once(nodeIn(t, namespace, whoAsks, [String(port)]).stdout, 'data');
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

const talker = `
  const [address, port] = process.argv.slice(1);
  require('node:net').createServer({ allowHalfOpen: true }, (socket) =>
    socket.on('error', () => {}).on('data', (text) => {
      const bytes = Number(text);
      socket.write(bytes > 0 ? Buffer.alloc(bytes) : text);
    }).on('end', () => socket.end())
  ).listen(Number(port), address, () => console.log('listening'));`;

/** A TCP server in a namespace: to a number it answers with so many bytes, to all else with the same. It ends when its client does. */
export async function talkerIn(t: TestContext, namespace: string, address: string, port: number): Promise<void> {
  await once(nodeIn(t, namespace, talker, [address, String(port)]).stdout, 'data');
}

const holder = `
  const [address, port] = process.argv.slice(1);
  const socket = require('node:net').connect({ host: address, port: Number(port), allowHalfOpen: true });
  let bytes = 0;
  const tell = (word) => console.log(JSON.stringify({ word, bytes }));
  socket.on('connect', () => tell('connected')).on('error', ({ code }) => tell(code)).on('end', () => tell('end'));
  socket.on('data', (chunk) => { bytes += chunk.length; tell('data'); }).pause();
  const orders = { read: () => socket.resume(), end: () => socket.end() };
  process.stdin.setEncoding('utf8').on('data', (lines) => {
    for (const line of lines.trim().split('\\n')) (orders[line] ?? (() => socket.write(line)))();
  });`;

/** What the client of a connection has seen: all bytes so far, and what came last. */
export interface Seen {
  readonly word: string;
  readonly bytes: number;
}

/** A TCP client in a namespace. It reads nothing until it is told to. */
export class TcpClient {
  readonly #child: ChildProcessWithoutNullStreams;
  #seen: Seen = { word: '', bytes: 0 };

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (lines: string) => {
      this.#seen = JSON.parse(lines.trim().split('\n').at(-1) ?? '') as Seen;
    });
  }

  /** Resolves when it is connected, or is not. */
  static async start(t: TestContext, namespace: string, address: string, port: number): Promise<TcpClient> {
    const client = new TcpClient(nodeIn(t, namespace, holder, [address, String(port)]));
    await once(client.#child.stdout, 'data');
    return client;
  }

  get seen(): Seen {
    return this.#seen;
  }

  /** `read`: from now on; `end`: half-closes; all else is sent. */
  say(order: string): void {
    this.#child.stdin.write(`${order}\n`);
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
  t.after(() => ended(child));
  return child;
}

/** What `sluice cleanup` says in a namespace. */
export function cleanUpIn(namespace: string): string {
  return outputIn(namespace, process.execPath, builtProgram, 'cleanup');
}

export function hasProgram(name: string): boolean {
  return spawnSync(name, ['--version']).error === undefined;
}
