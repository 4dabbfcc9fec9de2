import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { constants, createGzip } from 'node:zlib';

export interface FrontInit {
  /** The server behind it: `http://127.0.0.1:1234`. */
  readonly url: string;
  /** The path of that server here, as proxies before several clusters have it: `/k8s/clusters/one`. */
  readonly base?: string;
  /** Whoever asks at `base` is sent there: `/new`, or another server. */
  readonly movedTo?: string;
  /** `asked`: compressed for whoever asks for it; `all`: for everybody, watches too. */
  readonly gzip?: 'asked' | 'all';
  /** Connections are closed when the second request comes by them, as if both had happened at once. */
  readonly oneAnswer?: boolean;
  /** The largest piece in which bytes go on. */
  readonly pieceBytes?: number;
}

/** What may stand before a real API server: a load balancer, a proxy of several clusters, a compressing gateway. */
export class Front {
  readonly #init: FrontInit;
  readonly #server = createServer((incoming, response) => this.#forward(incoming, response));
  readonly #sockets = new Set<Socket>();
  readonly #answered = new WeakSet<Socket>();
  /** How often a request came by a connection that is closed instead of an answer. */
  closed = 0;
  /** What was compressed: paths with their queries. */
  readonly zipped: string[] = [];

  constructor(init: FrontInit) {
    this.#init = init;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** Resolves with its URL. */
  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${this.#init.base ?? ''}`;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #forward(incoming: IncomingMessage, response: ServerResponse): void {
    const { url, base = '', movedTo, oneAnswer = false } = this.#init;
    if (oneAnswer && this.#answered.has(incoming.socket)) {
      this.closed += 1;
      incoming.socket.destroy();
      return;
    }
    this.#answered.add(incoming.socket);
    const path = incoming.url ?? '';
    const place = [movedTo, base].find((each) => each !== undefined && path.startsWith(`${each}/`));
    if (place === undefined) {
      response.writeHead(404).end('404 page not found');
      return;
    }
    const rest = path.slice(place.length);
    if (movedTo !== undefined && place !== movedTo) {
      response.writeHead(307, { location: `${movedTo}${rest}` }).end('it is elsewhere');
      return;
    }
    const { method, headers } = incoming;
    const outgoing = request(`${url}${rest}`, { method, headers, agent: false });
    outgoing.on('response', (answer) => void this.#answer(answer, incoming, response));
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  async #answer(
    answer: IncomingMessage,
    { headers, url = '' }: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { gzip, pieceBytes = Number.POSITIVE_INFINITY } = this.#init;
    const isZipped = gzip === 'all' || (gzip === 'asked' && headers['accept-encoding']?.includes('gzip') === true);
    if (isZipped) this.zipped.push(url);
    const { 'content-length': _, ...rest } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, { ...rest, ...(isZipped && { 'content-encoding': 'gzip' }) });
    response.flushHeaders();
    const body = isZipped ? pipeline(answer, createGzip({ flush: constants.Z_SYNC_FLUSH }), () => {}) : answer;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>)
        for (let at = 0; at < chunk.length; at += pieceBytes) response.write(chunk.subarray(at, at + pieceBytes));
      response.end();
    } catch {
      response.destroy();
    }
  }
}
