import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errorCode } from '../base/errors.ts';
import { http } from '../base/http.ts';
import { type Answer, json, type Routes } from './answer.ts';
import type { ErrorResponse } from './shapes.ts';
import { removeStaleSocket } from './stale-socket.ts';

/** Where the admin server listens. `port` 0: the kernel chooses. A stale socket file is replaced. */
export type AdminAddress =
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

export interface AdminServerInit {
  readonly routes: Pick<Routes, 'get'>;
  /** A route threw: a bug. The client is told nothing of it. */
  readonly failed: (error: unknown) => void;
  readonly limits?: Partial<AdminLimits>;
}

/** How long a client may take, and how many there may be: whoever holds a connection open holds up nobody else. */
export interface AdminLimits {
  readonly connections: number;
  readonly headerBytes: number;
  readonly headersMs: number;
  readonly requestMs: number;
  /** Between two requests on one connection. */
  readonly keepAliveMs: number;
  /** No byte either way, in the middle of an answer too. */
  readonly idleMs: number;
  /** How often headers and requests are looked at whether they take too long. */
  readonly checkMs: number;
}

const defaultLimits: AdminLimits = {
  connections: 64,
  headerBytes: 8 * 1024,
  headersMs: 5_000,
  requestMs: 10_000,
  keepAliveMs: 5_000,
  idleMs: 30_000,
  checkMs: 1_000,
};

/** Serves GET and HEAD of a few fixed paths. It reads nothing of a request but its method, path and query. */
export class AdminServer {
  readonly #init: AdminServerInit;
  readonly #server: Server;

  constructor(init: AdminServerInit) {
    this.#init = init;
    const limits = { ...defaultLimits, ...init.limits };
    this.#server = http.createServer({
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: limits.checkMs,
    });
    this.#server.maxConnections = limits.connections;
    this.#server.timeout = limits.idleMs;
    this.#server.on('connection', (socket: Socket) => socket.unref());
    this.#server.on('request', (request, response) => void this.#serve(request, response));
  }

  /** Rejects with the system error (`EADDRINUSE`, …) if that cannot be. Resolves with what it is bound to. */
  async listen(address: AdminAddress): Promise<AddressInfo | string> {
    if (address.kind === 'unix') await removeStaleSocket(address.path);
    await this.#bind(address);
    // Failures of accept(2), such as EMFILE, come here later on; they pass.
    this.#server.on('error', this.#init.failed);
    return this.#server.address() ?? '';
  }

  /** Ends every connection, answers under way included. Safe to call twice, or without `listen`. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #bind(address: AdminAddress): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.once('listening', () => {
        this.#server.off('error', reject);
        resolve();
      });
      if (address.kind === 'tcp') this.#server.listen(address.port, address.address);
      else this.#server.listen(address.path);
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await send(request, response, await this.#answer(request));
    } catch (error) {
      if (!clientLeft.has(errorCode(error))) this.#init.failed(error);
      if (response.headersSent) response.destroy();
      else await send(request, response, failure(500, 'internal')).catch(() => {});
    }
  }

  #answer({ method, url = '' }: IncomingMessage): Answer | Promise<Answer> {
    const [path = '', query = ''] = url.split('?', 2);
    const route = this.#init.routes.get(path);
    if (route === undefined) return failure(404, 'not-found');
    if (method !== 'GET' && method !== 'HEAD') return failure(405, 'method-not-allowed');
    return route(new URLSearchParams(query));
  }
}

function failure(status: number, error: ErrorResponse['error']): Answer {
  return json(status, { error } satisfies ErrorResponse);
}

/** What the stream of an answer says when the client went away in its middle. */
const clientLeft = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED', 'ECONNRESET', 'EPIPE']);

async function send(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
  const { status, contentType } = answer;
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  response.statusCode = status;
  response.setHeader('content-type', contentType);
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  if (status === 405) response.setHeader('allow', 'GET, HEAD');
  // A body that nobody asked for is not waited for.
  if (hasBody(request)) response.setHeader('connection', 'close');
  if (Buffer.isBuffer(body)) response.setHeader('content-length', body.length);
  if (request.method === 'HEAD') response.end();
  else if (Buffer.isBuffer(body)) response.end(body);
  else await pipeline(Readable.from(body), response);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
