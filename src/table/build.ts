import type { Problem } from '../base/errors.ts';
import type { Ip } from '../model/address.ts';
import type { FeedState } from '../model/feed-state.ts';
import type { FrontendKey, ServiceKey, ServicePortKey } from '../model/keys.ts';
import { type NodeView, unknownNode } from '../model/node.ts';
import type { EndpointSlice, Service } from '../model/service.ts';
import type { ServiceSettings } from '../model/settings.ts';
import { emptySnapshot, type Frontend, type HealthCheck, type ServicePort, type Snapshot } from '../model/snapshot.ts';
import { type CompiledService, compileService, type ServiceInput } from './compile.ts';
import { type NodeInput, nodeInput } from './node.ts';
import { shareList } from './share.ts';

export interface FeedInput {
  readonly name: string;
  readonly state: FeedState;
}

export interface BuildInput {
  /** In the order of precedence: what two feeds claim, the first has. */
  readonly feeds: readonly FeedInput[];
  /** The process's settings, which a service overrides. */
  readonly settings: ServiceSettings;
  /** The node that sluice stands on; absent: it is not known. */
  readonly node?: NodeView;
}

export interface BuildResult {
  readonly snapshot: Snapshot;
  /** What was left out of the snapshot, and why. */
  readonly problems: readonly Problem[];
}

/** One-shot form of `SnapshotBuilder`. */
export function buildSnapshot(input: BuildInput, previous: Snapshot): BuildResult {
  return new SnapshotBuilder(previous).build(input);
}

interface Cached {
  readonly input: ServiceInput;
  readonly compiled: CompiledService;
}

/**
 * Merges the states of all feeds into the next snapshot. What equals its part of the snapshot before is the same
 * object, and if nothing changed so is the snapshot. A service is compiled only if one of its inputs is another object
 * than at the last build; the rest of the cost is one look at each service and slice.
 */
export class SnapshotBuilder {
  #snapshot: Snapshot;
  #cache: ReadonlyMap<ServiceKey, Cached> = new Map();
  #node: NodeInput | undefined;

  constructor(previous: Snapshot = emptySnapshot) {
    this.#snapshot = previous;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  build({ feeds, settings, node: view = unknownNode }: BuildInput): BuildResult {
    const { services, problems } = mergeServices(feeds);
    const slices = groupSlices(feeds);
    const states = feeds.map(({ state }) => state);
    const node = nodeInput(view, states, declared(services), this.#node);
    this.#node = node;
    const cache = new Map<ServiceKey, Cached>();
    const draft = new Draft(node.nodePortAddresses);
    for (const [key, { service, feed }] of services) {
      const cached = this.#compile({ service, slices: slices.get(key) ?? [], defaults: settings, node });
      cache.set(key, cached);
      draft.add(cached.compiled, feed);
    }
    this.#cache = cache;
    this.#snapshot = draft.snapshotAfter(this.#snapshot);
    return { snapshot: this.#snapshot, problems: [...problems, ...draft.problems] };
  }

  #compile(input: ServiceInput): Cached {
    const cached = this.#cache.get(input.service.key);
    if (cached !== undefined && sameInput(cached.input, input)) return cached;
    return { input, compiled: compileService(input, this.#snapshot) };
  }
}

function sameInput(one: ServiceInput, other: ServiceInput): boolean {
  return (
    one.service === other.service &&
    one.defaults === other.defaults &&
    one.node === other.node &&
    shareList(one.slices, other.slices) === one.slices
  );
}

interface Claim {
  readonly service: Service;
  readonly feed: string;
}

function* declared(claims: ReadonlyMap<ServiceKey, Claim>): Iterable<Service> {
  for (const { service } of claims.values()) yield service;
}

/** Each service as its first feed defines it. */
function mergeServices(feeds: readonly FeedInput[]): {
  services: ReadonlyMap<ServiceKey, Claim>;
  problems: readonly Problem[];
} {
  const services = new Map<ServiceKey, Claim>();
  const problems: Problem[] = [];
  for (const { name: feed, state } of feeds) {
    for (const service of state.services) {
      const first = services.get(service.key);
      if (first === undefined) services.set(service.key, { service, feed });
      else {
        problems.push({
          code: 'TABLE_SERVICE_DUPLICATE',
          message: `service ${service.key} is defined by feed ${first.feed}, what feed ${feed} says of it is ignored: remove one of the two`,
        });
      }
    }
  }
  return { services, problems };
}

/** The slices of all feeds by service: slices of one feed may belong to a service of another. */
function groupSlices(feeds: readonly FeedInput[]): ReadonlyMap<ServiceKey, readonly EndpointSlice[]> {
  const groups = new Map<ServiceKey, EndpointSlice[]>();
  for (const { state } of feeds) {
    const seen = new Set<string>();
    for (const slice of state.slices) {
      if (seen.has(slice.name)) continue;
      seen.add(slice.name);
      const group = groups.get(slice.service);
      if (group === undefined) groups.set(slice.service, [slice]);
      else group.push(slice);
    }
  }
  return groups;
}

/** A snapshot in the making. */
class Draft {
  readonly problems: Problem[] = [];
  readonly #frontends = new Map<FrontendKey, Frontend>();
  readonly #servicePorts = new Map<ServicePortKey, ServicePort>();
  readonly #services = new Map<ServiceKey, Service>();
  readonly #healthChecks = new Map<ServiceKey, HealthCheck>();
  readonly #nodePortAddresses: readonly Ip[];

  constructor(nodePortAddresses: readonly Ip[]) {
    this.#nodePortAddresses = nodePortAddresses;
  }

  add({ service, servicePorts, frontends, healthCheck, problems }: CompiledService, feed: string): void {
    if (healthCheck !== undefined) this.#healthChecks.set(service.key, healthCheck);
    if (servicePorts.length > 0) this.#services.set(service.key, service);
    for (const servicePort of servicePorts) this.#servicePorts.set(servicePort.key, servicePort);
    for (const frontend of frontends) this.#claim(frontend, feed);
    for (const problem of problems) this.problems.push(problem);
  }

  /** A VIP:PORT/protocol belongs to the first that asks for it. */
  #claim(frontend: Frontend, feed: string): void {
    const owner = this.#frontends.get(frontend.key);
    if (owner === undefined) this.#frontends.set(frontend.key, frontend);
    else {
      const other = `service ${frontend.servicePort.service} of feed ${feed}`;
      this.problems.push({
        code: 'TABLE_VIP_CONFLICT',
        message: `${frontend.key} belongs to service ${owner.servicePort.service}, ${other} is not served there: give one of them another VIP or port`,
      });
    }
  }

  snapshotAfter(previous: Snapshot): Snapshot {
    const same =
      sameMap(previous.frontends, this.#frontends) &&
      sameMap(previous.servicePorts, this.#servicePorts) &&
      sameMap(previous.services, this.#services) &&
      sameMap(previous.healthChecks, this.#healthChecks) &&
      shareList(previous.nodePortAddresses, this.#nodePortAddresses) === previous.nodePortAddresses;
    if (same) return previous;
    return {
      version: previous.version + 1,
      frontends: this.#frontends,
      servicePorts: this.#servicePorts,
      services: this.#services,
      healthChecks: this.#healthChecks,
      nodePortAddresses: this.#nodePortAddresses,
    };
  }
}

function sameMap<K, T>(one: ReadonlyMap<K, T>, other: ReadonlyMap<K, T>): boolean {
  if (one.size !== other.size) return false;
  for (const [key, value] of one) if (other.get(key) !== value) return false;
  return true;
}
