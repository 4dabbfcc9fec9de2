import type { Problem } from '../../base/errors.ts';
import type { ApiFailure } from './api-client.ts';

/** What an operator reads when the API server gives nothing; `what`: the kind of objects that was asked for. */
export function failureProblem(what: string, { status, code, message }: ApiFailure): Problem {
  if (code === 'CREDENTIALS')
    return { code: 'KUBERNETES_CREDENTIALS', message: `no way to the API server: ${message}` };
  if (status === 401)
    return { code: 'KUBERNETES_UNAUTHORIZED', message: `the API server does not accept the credentials: ${message}` };
  if (status === 403) {
    const advice = 'see config/kubernetes/rbac.yaml for what sluice needs';
    return { code: 'KUBERNETES_FORBIDDEN', message: `${what} cannot be read: ${message}; ${advice}` };
  }
  const cause = code === message ? message : `${message} (${code})`;
  return { code: 'KUBERNETES_UNREACHABLE', message: `${what} cannot be followed, the last known serve on: ${cause}` };
}

/** `savedAt`: milliseconds since the epoch. */
export function staleProblem(savedAt: number): Problem {
  const when = new Date(savedAt).toISOString();
  return { code: 'KUBERNETES_STALE', message: `what serves is from the cache file, as it was at ${when}` };
}

export function unreadableCache(file: string | undefined, message: string): Problem {
  return { code: 'KUBERNETES_CACHE', message: `the cache file ${file} is of no use: ${message}` };
}

export function garbageProblem(what: string, count: number): Problem {
  const message = `${what}: ${count} lines or items from the API server were no objects and are skipped`;
  return { code: 'KUBERNETES_GARBAGE', message };
}
