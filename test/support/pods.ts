import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from '../../src/base/errors.ts';

const network = `127.${100 + ((process.pid >> 8) % 100)}.${process.pid & 255}`;

/** A loopback address of this test process: files that run side by side do not meet. */
export function address(host: number): string {
  return `${network}.${host}`;
}

/** The endpoint's port, where not said otherwise. */
export const podPort = 8080;
/** The port of the VIPs in these tests: one that needs no privileges. */
export const vipPort = 8000;

/** An HTTP server that says its address, for one test. */
export async function httpPod(t: TestContext, host: string, port = podPort): Promise<void> {
  const server = createServer((_request, response) => response.end(host));
  server.listen(port, host);
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
}

/** The body of `GET /`, on a connection of its own. Rejects with the system error. */
export async function ask(
  vip: string,
  { port = vipPort, from }: { port?: number; from?: string } = {},
): Promise<string> {
  const asked = request({ host: vip, port, agent: false, ...(from !== undefined && { localAddress: from }) });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return text(response);
}

/** What `count` clients, one after the other, are told. */
export async function askTimes(count: number, vip: string, options?: Parameters<typeof ask>[1]): Promise<string[]> {
  const answers: string[] = [];
  for (let done = 0; done < count; done += 1) answers.push(await ask(vip, options));
  return answers;
}

/**
 * Asks one question after the other, until the test ends or calls the function that is returned. That resolves with what
 * was said, and the code of the error where nothing was.
 */
export function askConstantly(t: TestContext, vip: string): () => Promise<string[]> {
  const said: string[] = [];
  let isOver = false;
  const asking = (async () => {
    while (!isOver) said.push(await ask(vip).catch(errorCode));
  })();
  const stop = async () => {
    isOver = true;
    await asking;
    return said;
  };
  t.after(stop);
  return stop;
}

/** How often each answer is there. */
export function tally(answers: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
  return counts;
}

export interface UdpPod {
  readonly socket: Socket;
  readonly received: { readonly message: Buffer; readonly from: RemoteInfo }[];
}

/** A UDP server for one test. Without `reply` it answers each datagram with `ADDRESS:` and the datagram. */
export async function udpPod(
  t: TestContext,
  host: string,
  reply: (message: Buffer, from: RemoteInfo, socket: Socket) => void = (message, from, socket) =>
    socket.send(Buffer.concat([Buffer.from(`${host}:`), message]), from.port, from.address),
): Promise<UdpPod> {
  const socket = await bound(t, host, podPort);
  const received: { message: Buffer; from: RemoteInfo }[] = [];
  socket.on('message', (message, from) => {
    received.push({ message, from });
    reply(message, from, socket);
  });
  return { socket, received };
}

export interface UdpClient {
  send(message: string | Buffer): void;
  /** The next datagram that comes from the VIP, or has come and was not asked for. Rejects after 10 s. */
  next(): Promise<Buffer>;
  /** The reply to `message`, as text. */
  ask(message: string): Promise<string>;
  readonly received: Buffer[];
}

/** A UDP client whose socket is connected to the VIP: the kernel lets in nothing from anywhere else. */
export async function udpClient(t: TestContext, vip: string, from = address(250), port = vipPort): Promise<UdpClient> {
  const socket = await bound(t, from, 0);
  socket.connect(port, vip);
  await once(socket, 'connect');
  const received: Buffer[] = [];
  socket.on('message', (message) => received.push(message));
  const send = (message: string | Buffer) => socket.send(message);
  const next = async () => {
    const deadline = performance.now() + 10_000;
    for (;;) {
      const first = received.shift();
      if (first !== undefined) return first;
      if (performance.now() > deadline) throw new Error('no datagram came in 10 s');
      await delay(1);
    }
  };
  const askFor = async (message: string) => {
    send(message);
    return (await next()).toString();
  };
  return { send, next, ask: askFor, received };
}

async function bound(t: TestContext, host: string, port: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  // ICMP errors of a connected socket come here.
  socket.on('error', () => {});
  socket.bind(port, host);
  await once(socket, 'listening');
  t.after(() => socket.close());
  return socket;
}
