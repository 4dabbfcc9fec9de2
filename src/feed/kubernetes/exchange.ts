import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Clock } from '../../base/clock.ts';
import { errorCode } from '../../base/errors.ts';
import { http } from '../../base/http.ts';
import { version } from '../../base/version.ts';
import type { Connection } from './access.ts';

export interface ApiRequest {
  /** With its query, from the server's root: `/api/v1/services?limit=500`. */
  readonly path: string;
  readonly signal: AbortSignal;
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly body?: unknown;
  /** The answer may come compressed; default: no. Whoever wants each line at once has no use for it. */
  readonly compressed?: boolean;
}

/** Why the API server gave nothing. */
export interface ApiFailure {
  /** Of HTTP; absent: there was no answer. */
  readonly status?: number;
  /** `ECONNREFUSED`, …; `HTTP_403`; `TIMEOUT`; `CREDENTIALS`; `MALFORMED`. */
  readonly code: string;
  readonly message: string;
  /** The server asked to be left alone for so long (`Retry-After`). */
  readonly retryAfterMs?: number;
}

export type Failed = { readonly kind: 'failed'; readonly failure: ApiFailure };

/** The head of an answer, of whatever status, and its body, decompressed. */
export interface Answer {
  readonly kind: 'answer';
  readonly head: IncomingMessage;
  readonly body: Readable;
}

/** From the request to the first byte of the answer; a server under load takes its time for a list of everything. */
const headTimeoutMs = 30_000;
const keepAliveMs = 15_000;
/** Idle connections that the server had closed already, one after the other. */
const mostStale = 5;
/** Go's, so client-go's. */
const mostRedirects = 10;
const redirects: readonly number[] = [301, 302, 303, 307, 308];

/**
 * One request, up to the head of its answer. Never rejects. It may be sent to other paths of the same server, but not to
 * another: the credentials are not for that.
 */
export async function exchange(connection: Connection, request: ApiRequest, clock: Clock): Promise<Answer | Failed> {
  let url = `${connection.server}${request.path}`;
  for (let count = 0; ; count += 1) {
    const result = await exchangeAt(url, connection, request, clock);
    const next = result.kind === 'failed' || request.method === 'POST' ? undefined : redirected(result.head, url);
    if (result.kind === 'failed' || next === undefined || count === mostRedirects) return result;
    result.body.resume();
    url = next;
  }
}

function redirected({ statusCode = 0, headers: { location } }: IncomingMessage, url: string): string | undefined {
  if (!redirects.includes(statusCode) || location === undefined || !URL.canParse(location, url)) return undefined;
  const next = new URL(location, url);
  return next.origin === new URL(url).origin ? next.href : undefined;
}

/**
 * A connection that was kept from before may have been closed by the server in the very moment: then it has seen nothing
 * of the request, which is made again on another.
 */
async function exchangeAt(
  url: string,
  connection: Connection,
  request: ApiRequest,
  clock: Clock,
): Promise<Answer | Failed> {
  for (let stale = 0; ; stale += 1) {
    const result = await attempt(url, connection, request, clock);
    if (result.kind !== 'stale') return result;
    if (stale === mostStale || request.method === 'POST') return failed(result.error);
  }
}

type Attempt = Answer | Failed | { readonly kind: 'stale'; readonly error: unknown };

function attempt(url: string, { options }: Connection, api: ApiRequest, clock: Clock): Promise<Attempt> {
  return new Promise<Attempt>((resolve) => {
    const send = url.startsWith('http:') ? http.request : requestHttps;
    const request = send(url, { ...options, ...headOf(api, options) });
    const timer = clock.after(headTimeoutMs, () => {
      resolve(failure('TIMEOUT', `no answer in ${headTimeoutMs / 1000} s`));
      request.destroy();
    });
    request.on('socket', (socket) => socket.setKeepAlive(true, keepAliveMs));
    request.on('error', (error) => {
      timer.cancel();
      const isStale = request.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(errorCode(error));
      resolve(isStale ? { kind: 'stale', error } : failed(error));
    });
    request.on('response', (head) => {
      timer.cancel();
      const body = bodyOf(head);
      // Whoever reads the body hears of its errors; if nobody does, they are nobody's concern.
      for (const stream of [head, body]) stream.on('error', () => {});
      resolve({ kind: 'answer', head, body });
    });
    request.end(api.body === undefined ? undefined : JSON.stringify(api.body));
    // What is thrown at once is wrong with the credentials: a certificate that is none, a token that no header can hold.
  }).catch((error: unknown) => failure('CREDENTIALS', messageOf(error)));
}

function headOf({ method = 'GET', signal, body, compressed = false }: ApiRequest, options: RequestOptions): object {
  const headers = {
    accept: 'application/json',
    'accept-encoding': compressed ? 'gzip' : 'identity',
    'user-agent': `sluice/${version}`,
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...options.headers,
  };
  // Without it a server that speaks HTTP/2 too need not speak this one.
  return { method, signal, headers, ALPNProtocols: ['http/1.1'] };
}

/** What is between here and the server may compress what was not asked for. */
function bodyOf(head: IncomingMessage): Readable {
  if (head.headers['content-encoding'] !== 'gzip') return head;
  return pipeline(head, createGunzip(), () => {});
}

function failed(error: unknown): Failed {
  return failure(errorCode(error), messageOf(error));
}

export function failure(code: string, message: string): Failed {
  return { kind: 'failed', failure: { code, message } };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || errorCode(error) : String(error);
}
