import type { Clock, Timer } from '../../base/clock.ts';
import type { Problem } from '../../base/errors.ts';
import { errorCode, formatProblem } from '../../base/errors.ts';
import type { ServiceKey } from '../../model/keys.ts';
import type { Feed, FeedSink, FeedState, FeedWarning } from '../feed.ts';
import type { Access } from './access.ts';
import { ApiClient, type ApiFailure } from './api-client.ts';
import { assemble, sharing } from './assemble.ts';
import { CacheFile } from './cache-file.ts';
import { EventWriter } from './event-writer.ts';
import { ManifestStore, type StoredObject } from './manifest-store.ts';
import { endpointSlices, endpoints, nodes, type ObjectSink, type Resource, services } from './objects.ts';
import { OwnNodeStore } from './own-node.ts';
import { failureProblem, garbageProblem, staleProblem, unreadableCache } from './problems.ts';
import { Reflector } from './reflector.ts';
import { serviceSelector, sliceSelector } from './selectors.ts';

export interface KubeFeedInit {
  /** Unique among the feeds of the process, such as `kubernetes` or `kubernetes-2`. */
  readonly name: string;
  readonly clock: Clock;
  readonly access: Access;
  /** Only this namespace; default: all of them. */
  readonly namespace?: string | undefined;
  /** The node that sluice stands on: its zone, pod networks and readiness are followed too. */
  readonly nodeName?: string | undefined;
  /** Services that match it, and no others. */
  readonly labelSelector?: string | undefined;
  /** Services whose label `service.kubernetes.io/service-proxy-name` says this are ours, too. */
  readonly serviceProxyName?: string | undefined;
  /** Where the last state is kept for a start without the API server. */
  readonly cacheFile?: string | undefined;
  /** Which objects say the endpoints; `auto`: EndpointSlices, or Endpoints where the server has none (before 1.21). */
  readonly endpoints?: 'auto' | 'slices' | 'endpoints' | undefined;
}

/** Deliveries are no closer than this: what changes meanwhile is one delivery. */
const batchMs = 20;
/** A change after quiet waits only for what comes in the same breath: a Service and its slices. */
const quietBatchMs = 5;
/** The start waits no longer for the first lists: other feeds' services are not to be late for a server that is away. */
const startTimeoutMs = 10_000;
const cacheDelayMs = 1_000;

interface Kind {
  readonly name: string;
  readonly reflector: Reflector;
  /** It has had its first list. */
  isKnown(): boolean;
  /** The server does not give it, and a feed can do without. */
  isSpared(): boolean;
  failure: ApiFailure | undefined;
  /** Lines and items since the last list that were no objects of Kubernetes. */
  garbage: number;
  heardAt: number;
}

/**
 * Services from a Kubernetes API server, followed as they change.
 *
 * Nothing is delivered before every kind of object is known whole. From then on the last state stays for as long as the
 * server is away, and what is wrong is reported; with a cache file it outlives the process too.
 */
export class KubeFeed implements Feed {
  readonly name: string;
  readonly #init: KubeFeedInit;
  readonly #client: ApiClient;
  readonly #events: EventWriter;
  readonly #services: ManifestStore;
  readonly #endpoints: ManifestStore;
  readonly #node: OwnNodeStore | undefined;
  readonly #kinds: readonly Kind[];
  readonly #cache: CacheFile | undefined;
  #sink: FeedSink | undefined;
  #delivered: FeedState | undefined;
  #reported = '';
  #batch: Timer | undefined;
  #batchedAt = Number.NEGATIVE_INFINITY;
  #caching: Timer | undefined;
  #writing: Promise<void> | undefined;
  #staleSince: number | undefined;
  #cacheProblem: Problem | undefined;

  constructor(init: KubeFeedInit) {
    const { clock, access, nodeName, cacheFile, serviceProxyName: proxyName } = init;
    this.name = init.name;
    this.#init = init;
    this.#client = new ApiClient({ access, clock });
    this.#events = new EventWriter({ client: this.#client, clock, nodeName });
    const onInvalid = (object: StoredObject) => this.#warnOf(object);
    this.#services = new ManifestStore({ onInvalid, proxyName });
    this.#endpoints = new ManifestStore({ onInvalid, proxyName });
    this.#node = nodeName === undefined ? undefined : new OwnNodeStore(nodeName);
    this.#cache = cacheFile === undefined ? undefined : new CacheFile(cacheFile, clock);
    this.#kinds = this.#makeKinds();
  }

  async start(sink: FeedSink): Promise<void> {
    this.#sink = sink;
    const tried = Promise.all(this.#kinds.map(({ reflector }) => reflector.resync()));
    let timer: Timer | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = this.#init.clock.after(startTimeoutMs, () => resolve());
    });
    await Promise.race([tried, patience]);
    timer?.cancel();
    if (this.#isComplete) this.#deliver();
    else await this.#startFromCache();
    this.#report();
  }

  async reload(): Promise<void> {
    this.#events.reset();
    await Promise.all(this.#kinds.map(({ reflector }) => reflector.resync()));
    if (this.#isComplete) this.#deliver();
  }

  async close(): Promise<void> {
    this.#sink = undefined;
    this.#batch?.cancel();
    this.#events.close();
    await Promise.all(this.#kinds.map(({ reflector }) => reflector.close()));
    const isUnsaved = this.#caching !== undefined;
    this.#caching?.cancel();
    await this.#writing;
    if (isUnsaved) await this.#save();
  }

  /** Of the kind of objects that was heard of least lately. Bookmarks come about once a minute where nothing changes. */
  staleMs(): number {
    const now = this.#init.clock.now();
    return Math.max(...this.#kinds.map((kind) => (kind.isSpared() ? 0 : now - kind.heardAt)));
  }

  warn(service: ServiceKey, warning: FeedWarning): void {
    const [namespace = '', name = ''] = service.split('/');
    const object = this.#services.get(namespace, name);
    if (object !== undefined) void this.#events.write(object, warning);
  }

  get #isComplete(): boolean {
    return this.#kinds.every((kind) => kind.isKnown() || kind.isSpared());
  }

  #makeKinds(): readonly Kind[] {
    const { labelSelector, namespace, nodeName, serviceProxyName: proxyName, endpoints: form = 'auto' } = this.#init;
    const forms = { auto: [endpointSlices, endpoints], slices: [endpointSlices], endpoints: [endpoints] } as const;
    const kinds = [
      this.#makeKind(
        'Services',
        [services],
        this.#services,
        { labelSelector: serviceSelector(labelSelector, proxyName) },
        namespace,
      ),
      this.#makeKind('endpoints', forms[form], this.#endpoints, { labelSelector: sliceSelector(proxyName) }, namespace),
    ];
    if (this.#node === undefined) return kinds;
    const query = { fieldSelector: `metadata.name=${nodeName}` };
    return [...kinds, this.#makeKind('the node', [nodes], this.#node, query, undefined)];
  }

  #makeKind(
    name: string,
    resources: readonly [Resource, ...Resource[]],
    sink: ObjectSink & { readonly hasAll: boolean },
    query: Readonly<Record<string, string>>,
    namespace: string | undefined,
  ): Kind {
    const { clock } = this.#init;
    const reflector = new Reflector({
      client: this.#client,
      clock,
      resources,
      namespace,
      query,
      sink,
      onContact: () => {
        kind.heardAt = clock.now();
      },
      onChange: () => this.#changed(),
      onFailure: (failure) => {
        if (failure === kind.failure) return;
        kind.failure = failure;
        this.#changed();
      },
      onList: () => {
        kind.garbage = 0;
      },
      onGarbage: () => {
        kind.garbage += 1;
        this.#changed();
      },
    });
    const kind: Kind = {
      name,
      reflector,
      isKnown: () => sink.hasAll,
      // Without its zone a node still serves: a Role for one namespace cannot allow to read nodes, and some servers
      // have none.
      isSpared: () => sink === this.#node && [403, 404].includes(kind.failure?.status ?? 0),
      failure: undefined,
      garbage: 0,
      heardAt: clock.now(),
    };
    return kind;
  }

  /** Many changes at once are one delivery. */
  #changed(): void {
    if (this.#sink === undefined) return;
    if (this.#batch !== undefined) return;
    const { clock } = this.#init;
    const delayMs = Math.max(quietBatchMs, this.#batchedAt + batchMs - clock.now());
    this.#batch = clock.after(delayMs, () => {
      this.#batch = undefined;
      this.#batchedAt = clock.now();
      if (this.#isComplete) this.#deliver();
      this.#report();
    });
  }

  #deliver(): void {
    const next = assemble(this.#services.values(), this.#endpoints.values(), {
      node: this.#node?.node,
      onlySelected: this.#init.labelSelector !== undefined,
    });
    // What came from the cache is compared once; later, objects that did not change are the same by themselves.
    const state = this.#staleSince === undefined ? next : sharing(this.#delivered, next);
    this.#staleSince = undefined;
    if (this.#delivered !== undefined && isSame(this.#delivered, state)) return;
    this.#delivered = state;
    this.#sink?.sync(state);
    if (this.#cache !== undefined) this.#caching ??= this.#init.clock.after(cacheDelayMs, () => void this.#save());
  }

  async #startFromCache(): Promise<void> {
    const cached = await this.#cache?.read();
    // The server may have come while the file was read.
    if (cached === undefined || cached.kind === 'none' || this.#delivered !== undefined) return;
    if (cached.kind === 'invalid') {
      this.#cacheProblem = unreadableCache(this.#init.cacheFile, cached.message);
      return;
    }
    this.#staleSince = cached.savedAt;
    this.#delivered = cached.state;
    this.#sink?.sync(cached.state);
  }

  #save(): Promise<void> {
    this.#caching = undefined;
    const state = this.#delivered;
    if (state === undefined || this.#cache === undefined) return Promise.resolve();
    const writing = (this.#writing ?? Promise.resolve()).then(async () => {
      this.#cacheProblem = await this.#cache?.write(state).then(
        () => undefined,
        (error: unknown) => unreadableCache(this.#init.cacheFile, `it cannot be written (${errorCode(error)})`),
      );
      this.#report();
    });
    this.#writing = writing;
    return writing;
  }

  #report(): void {
    const problems = unique([
      ...this.#kinds.flatMap(({ name, failure }) => (failure === undefined ? [] : [failureProblem(name, failure)])),
      ...(this.#staleSince === undefined ? [] : [staleProblem(this.#staleSince)]),
      ...(this.#cacheProblem === undefined ? [] : [this.#cacheProblem]),
      ...this.#kinds.flatMap(({ name, garbage }) => (garbage === 0 ? [] : [garbageProblem(name, garbage)])),
      ...this.#services.problems(),
      ...this.#endpoints.problems(),
    ]);
    const reported = JSON.stringify(problems);
    if (reported === this.#reported) return;
    this.#reported = reported;
    this.#sink?.report(problems);
  }

  #warnOf(object: StoredObject): void {
    const isRange = object.problems.some(({ path }) => path?.includes('loadBalancerSourceRanges'));
    const reason = isRange ? 'InvalidSourceRange' : `Invalid${object.kind}`;
    void this.#events.write(object, { reason, message: object.problems.map(({ message }) => message).join('; ') });
  }
}

/** Without credentials, say, every kind of objects fails in the same words. */
function unique(problems: readonly Problem[]): readonly Problem[] {
  return [...new Map(problems.map((problem) => [formatProblem(problem), problem])).values()];
}

function isSame(one: FeedState, other: FeedState): boolean {
  const same = (some: readonly unknown[], others: readonly unknown[]) =>
    some.length === others.length && some.every((item, index) => item === others[index]);
  return one.node === other.node && same(one.services, other.services) && same(one.slices, other.slices);
}
