import { Backoff } from '../../base/backoff.ts';
import type { Clock } from '../../base/clock.ts';
import type { ApiClient, ApiFailure, Failed } from './api-client.ts';
import { type ApiObject, type ObjectSink, objectOf, pathOf, type Resource } from './objects.ts';
import { pause } from './pause.ts';
import { type WatchEnd, watchOnce } from './watch.ts';

export interface ReflectorInit {
  readonly client: ApiClient;
  readonly clock: Clock;
  /** In the order of preference: the next one is tried where the server does not know the one before (404). */
  readonly resources: readonly [Resource, ...Resource[]];
  readonly namespace?: string | undefined;
  /** `labelSelector` or `fieldSelector`. */
  readonly query: Readonly<Record<string, string>>;
  readonly sink: ObjectSink;
  /** Bytes came that make sense. */
  readonly onContact: () => void;
  /** The list is complete, or an object has changed. */
  readonly onChange: () => void;
  /** What is wrong now; `undefined`: nothing any more. */
  readonly onFailure: (failure: ApiFailure | undefined) => void;
  /** A list begins. */
  readonly onList: () => void;
  /** A line or an item was no object of Kubernetes. */
  readonly onGarbage: () => void;
}

type Page =
  | {
      readonly kind: 'ok';
      readonly items: readonly ApiObject[];
      readonly version: string;
      readonly next: string | undefined;
    }
  | Failed;
type Listed = { readonly kind: 'ok'; readonly version: string; readonly resource: Resource } | Failed;

const pageSize = 500;
const retry = { initialMs: 250, maxMs: 30_000 };
/** A watch that ends sooner, and without an event, is not tried again at once. */
const shortWatchMs = 1_000;
/** After so many watches in a row that gave nothing the server may be another one, whose versions are not ours (a restored etcd). */
const spinsBeforeRelist = 4;

/**
 * Keeps one kind of objects current: list, then watch from there, for ever (client-go's Reflector, "Efficient detection
 * of changes" in the API concepts). A version that is gone (410) or lines that were no JSON are made good by another
 * list; everything else is tried again from where the watch was, with backoff.
 *
 * Its own and not the library's informer, which says nothing of bookmarks, of 410 against other ends, of how long there
 * was silence, and keeps every object whole.
 */
export class Reflector {
  readonly #init: ReflectorInit;
  readonly #backoff: Backoff;
  readonly #closed = new AbortController();
  /** Ends the watch or the pause that is under way. */
  #turn = new AbortController();
  /** From any state that the server remembers; later, only from the newest. */
  #listFrom: '0' | '' = '0';
  #relist = false;
  /** Watches in a row that gave nothing. */
  #spins = 0;
  #waiting: (() => void)[] = [];
  #running: Promise<void> | undefined;

  constructor(init: ReflectorInit) {
    this.#init = init;
    this.#backoff = new Backoff({ ...retry, random: () => init.clock.random() });
  }

  /** Begins, or lists anew at once. Resolves when a list that began after this call was tried. */
  resync(): Promise<void> {
    this.#relist = true;
    const tried = new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#turn.abort();
    this.#running ??= this.#run();
    return tried;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#turn.abort();
    await this.#running;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #run(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      this.#turn = new AbortController();
      const waiting = this.#waiting.splice(0);
      this.#relist = false;
      const listed = await this.#list();
      this.#init.onFailure(listed.kind === 'ok' || this.#closed.signal.aborted ? undefined : listed.failure);
      for (const resolve of waiting) resolve();
      if (listed.kind === 'ok') await this.#follow(listed.version, listed.resource);
      else await this.#pause(listed.failure);
    }
  }

  /** Watches until another list is needed. */
  async #follow(version: string, resource: Resource): Promise<void> {
    let from = version;
    while (!this.#closed.signal.aborted && !this.#relist) {
      this.#turn = new AbortController();
      const startedAt = this.#init.clock.now();
      const end = await this.#watch(from, resource);
      from = end.version;
      this.#relist ||= end.expired || end.garbage;
      if (!this.#turn.signal.aborted && this.#hasSpun(end, startedAt)) await this.#pause(end.failure);
    }
  }

  /** True: before the next try there must be a pause. */
  #hasSpun(end: WatchEnd, startedAt: number): boolean {
    const { failure } = end;
    if (isFruitful(end) || this.#init.clock.now() - startedAt >= shortWatchMs) {
      this.#spins = 0;
      this.#backoff.reset();
    } else if (failure === undefined) this.#spins += 1;
    if (failure === undefined) return this.#spins > 1;
    this.#init.onFailure(failure);
    // A server that cannot be reached says nothing of its versions.
    if (failure.status !== undefined) this.#spins += 1;
    this.#relist ||= this.#spins >= spinsBeforeRelist;
    return true;
  }

  #watch(version: string, resource: Resource): Promise<WatchEnd> {
    const { client, clock, namespace, query, sink, onContact, onChange, onGarbage, onFailure } = this.#init;
    return watchOnce({
      client,
      clock,
      resource,
      path: pathOf(resource, namespace),
      query,
      version,
      signal: this.#turn.signal,
      onContact: () => {
        onContact();
        onFailure(undefined);
      },
      onGarbage,
      onEvent: (type, object) => {
        if (type === 'DELETED') sink.remove(object);
        else sink.put(object);
        onChange();
      },
    });
  }

  async #list(): Promise<Listed> {
    const { resources } = this.#init;
    let last: Listed = await this.#listAll(resources[0]);
    for (const resource of resources.slice(1)) {
      if (last.kind === 'ok' || last.failure.status !== 404) return last;
      last = await this.#listAll(resource);
    }
    return last;
  }

  async #listAll(resource: Resource): Promise<Listed> {
    const { sink, onChange, onList } = this.#init;
    sink.begin();
    onList();
    let version = '';
    for (let token: string | undefined = ''; token !== undefined; ) {
      const page = await this.#page(resource, token);
      if (page.kind === 'failed') {
        if (page.failure.status === 410) this.#listFrom = '';
        return page;
      }
      await sink.page(page.items);
      version = page.version;
      token = page.next;
    }
    if (this.#closed.signal.aborted) return { kind: 'failed', failure: { code: 'CLOSED', message: 'closed' } };
    sink.end();
    this.#listFrom = '';
    onChange();
    return { kind: 'ok', version, resource };
  }

  async #page(resource: Resource, token: string): Promise<Page> {
    const { client, namespace, query, onContact } = this.#init;
    const parameters = new URLSearchParams({ ...query, limit: `${pageSize}` });
    // A continued list is of the version at which it began.
    if (token !== '') parameters.set('continue', token);
    else if (this.#listFrom !== '') parameters.set('resourceVersion', this.#listFrom);
    const path = `${pathOf(resource, namespace)}?${parameters}`;
    const result = await client.json({ path, signal: this.#closed.signal });
    if (result.kind === 'failed') return result;
    onContact();
    return this.#readPage(result.value, resource);
  }

  #readPage(value: unknown, resource: Resource): Page {
    const { items, metadata } = (value ?? {}) as { items?: unknown; metadata?: ListMeta };
    const version = metadata?.resourceVersion;
    if ((!Array.isArray(items) && items !== null) || typeof version !== 'string') {
      const message = `the answer is no list of ${resource.kind}`;
      return { kind: 'failed', failure: { code: 'MALFORMED', message } };
    }
    const objects = (items ?? []).flatMap((item: unknown): ApiObject[] => {
      const object = objectOf(item, resource);
      if (object === undefined) this.#init.onGarbage();
      return object === undefined ? [] : [object];
    });
    return { kind: 'ok', items: objects, version, next: metadata?.continue || undefined };
  }

  #pause(failure: ApiFailure | undefined): Promise<void> {
    const ms = Math.max(this.#backoff.next(), failure?.retryAfterMs ?? 0);
    return pause(this.#init.clock, ms, this.#turn.signal);
  }
}

/** It told of changes, and ended as watches do. */
function isFruitful({ changes, garbage, failure }: WatchEnd): boolean {
  return changes > 0 && !garbage && failure === undefined;
}

interface ListMeta {
  readonly resourceVersion?: unknown;
  readonly continue?: string;
}
