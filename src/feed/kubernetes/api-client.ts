import type { Readable } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { errorCode } from '../../base/errors.ts';
import type { Access, Connection } from './access.ts';
import {
  type Answer,
  type ApiFailure,
  type ApiRequest,
  exchange,
  type Failed,
  failure,
  messageOf,
} from './exchange.ts';
import { Silence } from './silence.ts';

export type { ApiFailure, Failed } from './exchange.ts';

export type OpenResult = { readonly kind: 'ok'; readonly body: Readable } | Failed;
export type ReadResult = { readonly kind: 'ok' } | Failed;
export type JsonResult = { readonly kind: 'ok'; readonly value: unknown } | Failed;

export interface ApiClientInit {
  readonly access: Access;
  readonly clock: Clock;
}

/** Of an answer that is not a watch. However long it is and takes, some of it comes. */
const silenceMs = 60_000;
/** The most bytes of an answer that is held in memory as a whole: one object, or a `Status`. */
const maxTextBytes = 16 * 1024 ** 2;
/** Nobody is left alone for longer than this, whatever is asked for. */
const maxRetryAfterMs = 300_000;

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

  /**
   * Resolves with an answer of status 2xx, its body yet to be read. Never rejects. Credentials that are refused may have
   * been replaced since they were read: that is tried before it is told.
   */
  async open(request: ApiRequest): Promise<OpenResult> {
    const first = await this.#open(request);
    return first.kind === 'failed' && first.failure.status === 401 ? this.#open(request) : first;
  }

  /** Reads a whole answer; the next chunk is waited for until `take` has resolved. Never rejects, unless `take` does. */
  async read(request: ApiRequest, take: (chunk: Buffer) => void | Promise<void>): Promise<ReadResult> {
    const opened = await this.open({ ...request, compressed: true });
    return opened.kind === 'failed' ? opened : this.#drain(opened.body, take);
  }

  /** The whole answer as JSON. Never rejects. */
  async json(request: ApiRequest): Promise<JsonResult> {
    const opened = await this.open(request);
    if (opened.kind === 'failed') return opened;
    const read = await this.#text(opened.body);
    if (typeof read !== 'string') return read;
    try {
      return { kind: 'ok', value: JSON.parse(read) as unknown };
    } catch {
      return failure('MALFORMED', 'the answer is not JSON');
    }
  }

  async #open(request: ApiRequest): Promise<OpenResult> {
    const connection = await this.#connect(request.signal);
    if ('failure' in connection) return connection;
    const result = await exchange(connection, request, this.#clock);
    if (result.kind === 'failed') {
      if (!request.signal.aborted) this.#access.renew(connection, 'unreachable');
      return result;
    }
    const { statusCode: status = 0 } = result.head;
    if (status >= 200 && status < 300) return { kind: 'ok', body: result.body };
    if (status === 401) this.#access.renew(connection, 'refused');
    return { kind: 'failed', failure: await this.#refusal(result, status) };
  }

  /** A plugin may take a minute; whoever wants to end does not wait for it. */
  #connect(signal: AbortSignal): Promise<Connection | Failed> {
    return new Promise((resolve) => {
      const settle = (result: Connection | Failed) => {
        signal.removeEventListener('abort', stop);
        resolve(result);
      };
      const stop = () => settle(failure('ABORT_ERR', 'nobody waits for it any more'));
      signal.addEventListener('abort', stop);
      if (signal.aborted) stop();
      else this.#access.connection().then(settle, (error: unknown) => settle(failure('CREDENTIALS', messageOf(error))));
    });
  }

  /** What an answer that is not 2xx says: a `Status` object, mostly. */
  async #refusal({ head, body }: Answer, status: number): Promise<ApiFailure> {
    const text = await this.#text(body);
    const retryAfterMs = this.#retryAfterMs(head.headers['retry-after']);
    return {
      status,
      code: `HTTP_${status}`,
      message: statusMessage(typeof text === 'string' ? text : '') ?? `the answer is HTTP ${status}`,
      ...(retryAfterMs > 0 && { retryAfterMs }),
    };
  }

  /** Seconds, or a date (RFC 9110, section 10.2.3). */
  #retryAfterMs(text = ''): number {
    const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - this.#clock.wallTime();
    return Math.min(ms || 0, maxRetryAfterMs);
  }

  async #text(body: Readable): Promise<string | Failed> {
    const chunks: Buffer[] = [];
    let length = 0;
    const result = await this.#drain(body, (chunk) => {
      length += chunk.length;
      if (length > maxTextBytes) body.destroy(new Error(`the answer has more than ${maxTextBytes} bytes`));
      else chunks.push(chunk);
    });
    return result.kind === 'failed' ? result : Buffer.concat(chunks).toString('utf8');
  }

  async #drain(body: Readable, take: (chunk: Buffer) => void | Promise<void>): Promise<ReadResult> {
    let isLate = false;
    const onSilence = () => {
      isLate = true;
      body.destroy(new Error(`nothing more came in ${silenceMs / 1000} s`));
    };
    const silence = new Silence({ clock: this.#clock, limitMs: silenceMs, onSilence });
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        await take(chunk);
        silence.heard();
      }
      return { kind: 'ok' };
    } catch (error) {
      return failure(isLate ? 'TIMEOUT' : errorCode(error), messageOf(error));
    } finally {
      silence.stop();
    }
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
