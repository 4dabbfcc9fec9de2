import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { formatAddressPort, parseIp } from '../../src/model/address.ts';

export interface Proxy {
  readonly url: string;
  /** Where it has been asked to connect to: `127.0.0.1:1234`. */
  readonly asked: readonly string[];
}

export interface ConnectProxyInit {
  /** The addresses of hosts that it alone knows. */
  readonly names?: Readonly<Record<string, string>>;
  /** Default: 127.0.0.1. */
  readonly address?: string;
}

/** An HTTP proxy that knows CONNECT only (RFC 9110, section 9.3.6). What is no `host:port` is a bad request to it. */
export async function connectProxy(t: TestContext, { names = {}, address }: ConnectProxyInit = {}): Promise<Proxy> {
  const asked: string[] = [];
  const server = createHttpServer();
  server.on('connect', ({ url = '' }, socket: Socket) => {
    asked.push(url);
    const { six, host = six ?? '', port } = /^(?:\[(?<six>.*)\]|(?<host>[^:]*)):(?<port>\d+)$/.exec(url)?.groups ?? {};
    if (port === undefined) socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    else join(socket, Number(port), names[host] ?? host, 'HTTP/1.1 200 Connection established\r\n\r\n');
  });
  return { url: `http://${await listen(t, server, address)}`, asked };
}

/** A SOCKS5 proxy without authentication, for addresses (RFC 1928). */
export async function socksProxy(t: TestContext): Promise<Proxy> {
  const asked: string[] = [];
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(Buffer.from([5, 0]));
      socket.once('data', (request: Buffer) => {
        const { host, port } = socksTarget(request);
        asked.push(formatAddressPort(host, port));
        join(socket, port, host, Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
      });
    });
  });
  return { url: `socks5://${await listen(t, server)}`, asked };
}

/** Address type 1 is IPv4, 4 is IPv6 (RFC 1928, section 5). */
function socksTarget(request: Buffer): { readonly host: string; readonly port: number } {
  if (request[3] === 1) return { host: request.subarray(4, 8).join('.'), port: request.readUInt16BE(8) };
  const groups = Array.from({ length: 8 }, (_, index) => request.readUInt16BE(4 + 2 * index).toString(16));
  return { host: parseIp(groups.join(':')) ?? '', port: request.readUInt16BE(20) };
}

function join(socket: Socket, port: number, host: string, greeting: string | Buffer): void {
  const target = connect(port, host, () => {
    socket.write(greeting);
    socket.pipe(target).pipe(socket);
  });
  target.on('error', () => socket.destroy());
  socket.on('error', () => target.destroy());
  socket.on('close', () => target.destroy());
}

async function listen(t: TestContext, server: Server, address = '127.0.0.1'): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, address);
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return formatAddressPort(address, (server.address() as AddressInfo).port);
}
