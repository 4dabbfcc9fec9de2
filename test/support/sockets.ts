import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { Ip } from '../../src/model/address.ts';
import { endpointKey } from '../../src/model/keys.ts';
import type { Endpoint } from '../../src/model/snapshot.ts';
import { Target } from '../../src/model/target.ts';

export function endpointAt(address: string, port: number): Endpoint {
  const ip = address as Ip;
  const key = endpointKey(ip, port);
  return { key, address: ip, port, ready: true, serving: true, terminating: false, weight: 1 };
}

export interface Backend {
  readonly target: Target;
  readonly sockets: Socket[];
  readonly server: Server;
  /** The next connection that comes, or that came and nobody has asked for yet. */
  next(): Promise<Socket>;
}

/** A TCP server for one test. It keeps half-closed connections open and survives resets. */
export async function backend(
  t: TestContext,
  onSocket: (socket: Socket) => void = () => {},
  host = '127.0.0.1',
): Promise<Backend> {
  const sockets: Socket[] = [];
  const queue: Socket[] = [];
  const waiting: ((socket: Socket) => void)[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    const waiter = waiting.shift();
    if (waiter) waiter(socket);
    else queue.push(socket);
    onSocket(socket);
  });
  server.listen(0, host);
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const next = () => {
    const socket = queue.shift();
    return socket ? Promise.resolve(socket) : new Promise<Socket>((resolve) => waiting.push(resolve));
  };
  return { target: new Target(endpointAt(host, port)), sockets, server, next };
}

export function echo(socket: Socket): void {
  socket.pipe(socket);
}

/** A connected client. It does not close its side when the other does. */
export async function client(t: TestContext, port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host, allowHalfOpen: true });
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  socket.on('error', () => {});
  return socket;
}

/**
 * How a connection ends for the one who reads it to its end. Node takes a reset that comes together with data for an
 * end; only the socket's peer, which is gone then, tells them apart.
 */
export async function endOf(socket: Socket): Promise<'end' | 'reset'> {
  return new Promise((resolve, reject) => {
    socket.resume();
    socket.once('end', () => resolve(!socket.writableEnded && socket.remoteAddress === undefined ? 'reset' : 'end'));
    socket.once('error', (error: NodeJS.ErrnoException) => (isReset(error) ? resolve('reset') : reject(error)));
    if (socket.errored) isReset(socket.errored) ? resolve('reset') : reject(socket.errored);
    else if (socket.readableEnded) resolve('end');
  });
}

function isReset(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE';
}

/** All bytes until the end of the stream, as a hash and a count. */
export async function digest(socket: Socket): Promise<{ readonly hash: string; readonly bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { hash: hash.digest('hex'), bytes };
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A port of this host where nobody listens. */
export async function closedPort(host = '127.0.0.1'): Promise<number> {
  const server = createServer();
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** An address that does not answer, for one test; see `hole`. */
export async function blackhole(t: TestContext, host?: string): Promise<Target> {
  return (await hole(t, host)).target;
}

export interface Hole {
  readonly target: Target;
  /** From now on it answers: with an echo. */
  open(): void;
}

/**
 * A listener that does not accept, whose queue is full, so that Linux drops every further SYN. It lives in a thread that
 * waits.
 */
export async function hole(t: TestContext, host = '127.0.0.1'): Promise<Hole> {
  const program = `
    const { parentPort, workerData: { host, gate } } = require('node:worker_threads');
    const echo = (socket) => socket.on('error', () => {}).pipe(socket);
    const server = require('node:net').createServer({ allowHalfOpen: true }, echo);
    server.listen({ port: 0, host, backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      setImmediate(() => Atomics.wait(gate, 0, 0));
    });`;
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(program, { eval: true, workerData: { host, gate } });
  const [port] = (await once(worker, 'message')) as [number];
  const fillers = Array.from({ length: 4 }, () => connect({ port, host }).on('error', () => {}));
  t.after(async () => {
    for (const filler of fillers) filler.destroy();
    await worker.terminate();
  });
  await Promise.all(fillers.slice(0, 2).map((filler) => once(filler, 'connect')));
  const open = () => {
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
  };
  return { target: new Target(endpointAt(host, port)), open };
}
