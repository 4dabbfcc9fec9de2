import { Backoff } from '../../base/backoff.ts';
import type { Clock } from '../../base/clock.ts';
import type { ApiClient, ApiFailure, Failed } from './api-client.ts';
import { type ListPage, readListPage } from './list-page.ts';
import { type ObjectSink, pathOf, type Resource } from './objects.ts';
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

type Listed = { readonly kind: 'ok'; readonly version: string; readonly resource: Resource } | Failed;

const pageSize = 500;
const retry = { initialMs: 250, maxMs: 30_000 };
/** How long a watch goes on when some of it was no event: at first, and at most, where it is so again and again. */
const tolerance = { initialMs: 5_000, maxMs: 30_000 };
/** A version that the server has forgotten (410), cannot read (400), or has not come to (504: "Too large resource version"). */
const notOurVersion: readonly number[] = [400, 410, 504];
/** A watch that ends sooner, and without an event, is not tried again at once. */
const shortWatchMs = 1_000;
/** Each time that so many watches in a row gave nothing, the server may be another one, whose versions are not ours. */
const spinsBeforeRelist = 4;

/**
 * Keeps one kind of objects current: list, then watch from there, for ever (client-go's Reflector, "Efficient detection
 * of changes" in the API concepts). A version that is gone (410), or lines that were no events, are made good by another
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
  /**
   * The first list is of any state that the server remembers (`0`), later ones of none that is older than ours, so that
   * all of them come from its watch cache. Empty: of the newest, which etcd is asked for.
   */
  #listFrom = '0';
  #relist = false;
  /** Watches in a row that gave nothing, whatever lists were between them. */
  #spins = 0;
  #toleranceMs = tolerance.initialMs;
  /** A watch has lost its connection since the last list. */
  #wasCut = false;
  /** False: the version of a list was gone before its last page was asked for, so the next one comes in one piece. */
  #inPages = true;
  #waiting: (() => void)[] = [];
  #running: Promise<void> | undefined;

  constructor(init: ReflectorInit) {
    this.#init = init;
    this.#backoff = new Backoff({ ...retry, random: () => init.clock.random() });
  }

  /** Begins, or lists anew at once. Resolves when a list that began after this call was tried. */
  resync(): Promise<void> {
    this.#relist = true;
    if (this.#running !== undefined) this.#listFrom = '';
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

  /**
   * Watches until another list is needed. That is also when a watch ends which is not of the preferred resource: the
   * server may know that by now, as it was updated, or had not come up whole. Or if no version was ever told, so that the
   * next watch could not begin where this one ended.
   */
  async #follow(version: string, resource: Resource): Promise<void> {
    let from = version;
    while (!this.#closed.signal.aborted && !this.#relist) {
      this.#turn = new AbortController();
      const startedAt = this.#init.clock.now();
      const end = await this.#watch(from, resource);
      from = end.version;
      this.#wasCut ||= end.cut;
      this.#listFrom = from;
      this.#toleranceMs = end.garbage ? Math.min(2 * this.#toleranceMs, tolerance.maxMs) : tolerance.initialMs;
      this.#relist ||= end.expired || end.garbage || end.givenUp || from === '' || resource !== this.#init.resources[0];
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
    this.#spins += 1;
    // Whoever answers after an outage may be an earlier one: etcd is restored from a backup.
    const wasAway = failure.status === undefined && failure.code !== 'CUT';
    this.#relist ||= wasAway || this.#spins % spinsBeforeRelist === 0;
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
      wasCut: this.#wasCut,
      toleranceMs: this.#toleranceMs,
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

  /** Where the server has nothing to say of our version, it is asked for the newest at once. */
  async #list(): Promise<Listed> {
    const listed = await this.#listAny();
    if (listed.kind === 'ok' || !notOurVersion.includes(listed.failure.status ?? 0)) return listed;
    if (this.#listFrom === '') return listed;
    this.#listFrom = '';
    return this.#listAny();
  }

  async #listAny(): Promise<Listed> {
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
        if (page.failure.status === 410 && token !== '') this.#inPages = false;
        return page;
      }
      version = page.version;
      token = page.next;
    }
    if (this.#closed.signal.aborted) return { kind: 'failed', failure: { code: 'CLOSED', message: 'closed' } };
    sink.end();
    this.#listFrom = version;
    this.#inPages = true;
    this.#wasCut = false;
    onChange();
    return { kind: 'ok', version, resource };
  }

  #page(resource: Resource, token: string): Promise<ListPage> {
    const { client, clock, namespace, query, sink, onContact, onGarbage } = this.#init;
    const parameters = new URLSearchParams(query);
    // A continued list is of the version at which it began; with a limit, a version would have to be met exactly.
    if (token !== '') parameters.set('continue', token);
    else if (this.#listFrom !== '') parameters.set('resourceVersion', this.#listFrom);
    const mayPage = token !== '' || ['', '0'].includes(this.#listFrom);
    if (mayPage && this.#inPages) parameters.set('limit', `${pageSize}`);
    return readListPage({
      client,
      clock,
      resource,
      path: `${pathOf(resource, namespace)}?${parameters}`,
      signal: this.#closed.signal,
      onItem: (object) => {
        onContact();
        sink.add(object);
      },
      onGarbage,
    });
  }

  #pause(failure: ApiFailure | undefined): Promise<void> {
    const ms = Math.max(this.#backoff.next(), failure?.retryAfterMs ?? 0);
    return pause(this.#init.clock, ms, this.#turn.signal);
  }
}

/** It told of changes, and ended as watches do. */
function isFruitful({ changes, expired, garbage, failure }: WatchEnd): boolean {
  return changes > 0 && !expired && !garbage && failure === undefined;
}
