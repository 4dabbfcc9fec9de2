import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { ReadyResponse } from '../admin/shapes.ts';
import { errorCode, UserError } from '../base/errors.ts';
import { http } from '../base/http.ts';
import { type AdminTarget, formatTarget } from './admin-address.ts';

/** What an admin server said: 200, 404 and 400 are answers; anything else is thrown. */
export type AdminAnswer =
  | { readonly kind: 'ok'; readonly value: unknown }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'bad-request'; readonly message: string };

/** No byte for this long, and nobody is there. */
const silenceMs = 10_000;

/** Asks the admin server of a running sluice. */
export class AdminClient {
  readonly #target: AdminTarget;

  constructor(target: AdminTarget) {
    this.#target = target;
  }

  /** GET. Throws a `UserError` that says where it asked and what to do, if there is no answer of sluice's. */
  async get(path: string, parameters: URLSearchParams): Promise<AdminAnswer> {
    const { status, body } = await this.#ask(`${path}?${parameters}`);
    const value = parse(body);
    if (status === 200 && value !== undefined) return { kind: 'ok', value };
    if (status === 404 && value?.error === 'not-found') return { kind: 'not-found' };
    if (status === 400) return { kind: 'bad-request', message: String(value?.message ?? 'a bad request') };
    if (status === 503 && value?.error === 'starting')
      throw this.#problem('ADMIN_STARTING', 'has just begun and knows no services yet; ask again');
    throw this.#problem('ADMIN_STRANGE', `answers with status ${status}, and not as this version of sluice does`);
  }

  /** `GET /readyz`, ready or not; `undefined`: something else answers. Throws as `get` does where nobody is. */
  async readiness(): Promise<ReadyResponse | undefined> {
    const value = parse((await this.#ask('/readyz')).body);
    return Array.isArray(value?.feeds) ? (value as unknown as ReadyResponse) : undefined;
  }

  async #ask(path: string): Promise<{ status: number; body: string }> {
    try {
      return await this.#request(path);
    } catch (error) {
      throw this.#unreachable(errorCode(error));
    }
  }

  async #request(path: string): Promise<{ status: number; body: string }> {
    const target = this.#target;
    const where = target.kind === 'unix' ? { socketPath: target.path } : { host: target.host, port: target.port };
    const asked = http.request({ ...where, path, agent: false, timeout: silenceMs });
    asked.on('timeout', () => asked.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })));
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 0, body: await text(response) };
  }

  #unreachable(code: string): UserError {
    const advice: Readonly<Record<string, string>> = {
      EACCES: 'you may not open it; ask as the user that sluice runs as',
      ETIMEDOUT: 'it does not answer',
    };
    const hint = advice[code] ?? 'is sluice running?';
    return this.#problem(
      'ADMIN_UNREACHABLE',
      `cannot be reached (${code}): ${hint} Say where it listens (admin.listen) with --admin or $SLUICE_ADMIN`,
    );
  }

  #problem(code: string, message: string): UserError {
    return new UserError([{ code, message: `the admin server ${formatTarget(this.#target)} ${message}` }]);
  }
}

/** Nobody answers, or not yet: it may have been started again. */
export function isAway(error: unknown): error is UserError {
  const codes = error instanceof UserError ? error.problems.map(({ code }) => code) : [];
  return codes.includes('ADMIN_UNREACHABLE') || codes.includes('ADMIN_STARTING');
}

function parse(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
