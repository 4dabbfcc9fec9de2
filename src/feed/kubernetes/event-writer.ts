import { hostname } from 'node:os';
import type { Clock } from '../../base/clock.ts';
import type { FeedWarning } from '../feed.ts';
import type { ApiClient, ApiFailure } from './api-client.ts';

export interface EventWriterInit {
  readonly client: ApiClient;
  readonly clock: Clock;
  /** Stands in the events as their source's host. Default: the host's name. */
  readonly nodeName?: string | undefined;
}

/** The object that an event is about. */
export interface Regarding {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** The same warning of the same object is not written again so soon; the API server forgets events after an hour. */
const repeatMs = 600_000;
/** client-go's limit for one source is 25 at once; a broken host must not flood etcd. */
const burst = 25;
const refillMs = 10_000;
const component = 'sluice';

/**
 * Writes core/v1 `Event`s, which `kubectl describe` shows and which every version of the API server takes. It is a
 * courtesy: what cannot be written is dropped, and if RBAC forbids it (403) nothing is tried any more.
 */
export class EventWriter {
  readonly #init: EventWriterInit;
  readonly #told = new Map<string, number>();
  readonly #closed = new AbortController();
  #tokens = burst;
  #refilledAt: number;
  #forbidden = false;
  #count = 0;

  constructor(init: EventWriterInit) {
    this.#init = init;
    this.#refilledAt = init.clock.now();
  }

  /** Resolves when it was written, or was not. */
  async write(regarding: Regarding, warning: FeedWarning): Promise<void> {
    if (this.#forbidden || !this.#isNews(regarding, warning) || !this.#mayWrite()) return;
    const { client } = this.#init;
    const path = `/api/v1/namespaces/${encodeURIComponent(regarding.namespace)}/events`;
    const body = this.#event(regarding, warning);
    const result = await client.json({ path, method: 'POST', body, signal: this.#closed.signal });
    if (result.kind === 'failed') this.#failed(result.failure);
  }

  /** Permissions may have changed. */
  reset(): void {
    this.#forbidden = false;
  }

  close(): void {
    this.#closed.abort();
  }

  #failed({ status }: ApiFailure): void {
    if (status === 403) this.#forbidden = true;
  }

  #isNews({ kind, namespace, name }: Regarding, { reason, message }: FeedWarning): boolean {
    const now = this.#init.clock.now();
    for (const [key, at] of this.#told) if (now - at >= repeatMs) this.#told.delete(key);
    const key = JSON.stringify([kind, namespace, name, reason, message]);
    if (this.#told.has(key)) return false;
    this.#told.set(key, now);
    return true;
  }

  #mayWrite(): boolean {
    const now = this.#init.clock.now();
    const earned = Math.floor((now - this.#refilledAt) / refillMs);
    this.#refilledAt += earned * refillMs;
    this.#tokens = Math.min(burst, this.#tokens + earned);
    if (this.#tokens === 0) return false;
    this.#tokens -= 1;
    return true;
  }

  /** The name is like client-go's: the object's, and something that no other event of it has. */
  #event({ kind, namespace, name, uid }: Regarding, { reason, message }: FeedWarning): object {
    const { clock, nodeName: host = hostname() } = this.#init;
    const now = clock.wallTime();
    const timestamp = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
    this.#count += 1;
    const suffix = `${now.toString(16)}${process.pid.toString(16)}${this.#count.toString(16)}`;
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${suffix}`, namespace },
      involvedObject: {
        apiVersion: kind === 'EndpointSlice' ? 'discovery.k8s.io/v1' : 'v1',
        kind,
        namespace,
        name,
        uid,
      },
      type: 'Warning',
      reason,
      message: message.slice(0, 1024),
      source: { component, host },
      reportingComponent: component,
      reportingInstance: host,
      firstTimestamp: timestamp,
      lastTimestamp: timestamp,
      count: 1,
    };
  }
}
