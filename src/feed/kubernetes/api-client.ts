import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Clock } from '../../base/clock.ts';
import { errorCode } from '../../base/errors.ts';
import { version } from '../../base/version.ts';
import type { Access, Connection } from './access.ts';

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
export type OpenResult = { readonly kind: 'ok'; readonly response: IncomingMessage } | Failed;
export type JsonResult = { readonly kind: 'ok'; readonly value: unknown } | Failed;

export interface ApiRequest {
  /** With its query, from the server's root: `/api/v1/services?limit=500`. */
  readonly path: string;
  readonly signal: AbortSignal;
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly body?: unknown;
}

export interface ApiClientInit {
  readonly access: Access;
  readonly clock: Clock;
}

/** From the request to the first byte of the answer; a server under load takes its time for a list of everything. */
const headTimeoutMs = 30_000;
/** A whole answer that is not a watch. kube-apiserver itself gives up after 60 s. */
const bodyTimeoutMs = 60_000;
/** The most bytes of one answer that is held in memory as a whole. */
const maxBodyBytes = 512 * 1024 ** 2;
const keepAliveMs = 15_000;

/**
 * Requests to an API server, over node:http(s) with the credentials of an `Access`. Not with the library's own client:
 * this one gives the bytes as they come, cuts them off in time, and tells every way to fail as data.
 */
export class ApiClient {
  readonly #access: Access;
  readonly #clock: Clock;

  constructor({ access, clock }: ApiClientInit) {
    this.#access = access;
    this.#clock = clock;
  }

  /** Resolves with an answer of status 2xx, its body yet to be read. Never rejects. */
  async open(request: ApiRequest): Promise<OpenResult> {
    const connection = await this.#connect();
    if ('failure' in connection) return connection;
    const result = await this.#send(connection, request);
    if (result.kind === 'failed') {
      const { status } = result.failure;
      if (status === undefined || status === 401) this.#access.renew();
      return result;
    }
    const { statusCode = 0 } = result.response;
    if (statusCode >= 200 && statusCode < 300) return result;
    if (statusCode === 401) this.#access.renew();
    return { kind: 'failed', failure: await this.#refusal(result.response) };
  }

  /** The whole answer as JSON. Never rejects. */
  async json(request: ApiRequest): Promise<JsonResult> {
    const opened = await this.open(request);
    if (opened.kind === 'failed') return opened;
    const read = await this.#text(opened.response);
    if (typeof read !== 'string') return { kind: 'failed', failure: read };
    try {
      return { kind: 'ok', value: JSON.parse(read) as unknown };
    } catch {
      return { kind: 'failed', failure: { code: 'MALFORMED', message: 'the answer is not JSON' } };
    }
  }

  async #connect(): Promise<Connection | Failed> {
    try {
      return await this.#access.connection();
    } catch (error) {
      return { kind: 'failed', failure: { code: 'CREDENTIALS', message: messageOf(error) } };
    }
  }

  #send({ server, options }: Connection, { path, signal, method = 'GET', body }: ApiRequest): Promise<OpenResult> {
    return new Promise((resolve) => {
      const fail = (failure: ApiFailure) => resolve({ kind: 'failed', failure });
      const headers = {
        accept: 'application/json',
        'user-agent': `sluice/${version}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...options.headers,
      };
      const send = server.startsWith('http:') ? requestHttp : requestHttps;
      const request = send(`${server}${path}`, { ...options, method, headers, signal });
      const timer = this.#clock.after(headTimeoutMs, () => {
        fail({ code: 'TIMEOUT', message: `no answer in ${headTimeoutMs / 1000} s` });
        request.destroy();
      });
      request.on('socket', (socket) => socket.setKeepAlive(true, keepAliveMs));
      request.on('error', (error) => {
        timer.cancel();
        fail({ code: errorCode(error), message: messageOf(error) });
      });
      request.on('response', (response) => {
        timer.cancel();
        // Whoever reads the body hears of its errors; if nobody does, they are nobody's concern.
        response.on('error', () => {});
        resolve({ kind: 'ok', response });
      });
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** What an answer that is not 2xx says: a `Status` object, mostly. */
  async #refusal(response: IncomingMessage): Promise<ApiFailure> {
    const status = response.statusCode ?? 0;
    const text = await this.#text(response);
    const retryAfter = Number(response.headers['retry-after']);
    return {
      status,
      code: `HTTP_${status}`,
      message: statusMessage(typeof text === 'string' ? text : '') ?? `the answer is HTTP ${status}`,
      ...(retryAfter > 0 && { retryAfterMs: retryAfter * 1000 }),
    };
  }

  async #text(response: IncomingMessage): Promise<string | ApiFailure> {
    const chunks: Buffer[] = [];
    let length = 0;
    let failure: ApiFailure | undefined;
    const end = (code: string, message: string) => {
      failure = { code, message };
      response.destroy();
    };
    const timer = this.#clock.after(bodyTimeoutMs, () => end('TIMEOUT', `not all came in ${bodyTimeoutMs / 1000} s`));
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        length += chunk.length;
        if (length > maxBodyBytes) end('TOO_LARGE', `the answer has more than ${maxBodyBytes} bytes`);
      }
    } catch (error) {
      return failure ?? { code: errorCode(error), message: messageOf(error) };
    } finally {
      timer.cancel();
    }
    return failure ?? Buffer.concat(chunks).toString('utf8');
  }
}

function statusMessage(text: string): string | undefined {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === 'string' && message !== '' ? message : undefined;
  } catch {
    return undefined;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || errorCode(error) : String(error);
}
