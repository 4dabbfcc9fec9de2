import type { EndpointKey } from '../model/keys.ts';
import type { Endpoint, Scope, ServicePort } from '../model/snapshot.ts';
import { Target, TargetStats } from '../model/target.ts';
import type { Route } from '../relay/relay.ts';
import { AffinityTable } from './affinity.ts';
import { eligibleEndpoints } from './eligibility.ts';
import { type BalanceExplanation, explain, mostTurns } from './explain.ts';
import { Pool } from './pool.ts';

export interface BalancerInit {
  readonly servicePort: ServicePort;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** The most client addresses that are remembered for `sessionAffinity: ClientIP`. */
  readonly maxAffinityEntries: number;
}

type Rejection = Extract<Route, { kind: 'reject' }>;

const noEndpoint: Rejection = { kind: 'reject', reason: 'no-endpoint' };
const noLocalEndpoint: Rejection = { kind: 'reject', reason: 'no-local-endpoint' };
const allTried: Route = { kind: 'reject', reason: 'connect-failed' };

/**
 * Who gets the flows of one service port. It outlives every change of the service port: targets with their counters, the
 * position of the turn and the affinity entries are kept as far as they are still true.
 */
export class Balancer {
  readonly #affinity: AffinityTable;
  readonly #targets = new Map<EndpointKey, Target>();
  /** Removed targets that flows still hold on to. */
  readonly #leaving = new Map<EndpointKey, Target>();
  readonly #retired = new TargetStats();
  #servicePort: ServicePort;
  readonly #cluster: Pool;
  readonly #local: Pool;
  /** The answer to a flow of scope `local` that finds no endpoint. */
  #noLocal: Rejection = noEndpoint;

  constructor(init: BalancerInit) {
    this.#affinity = new AffinityTable(init.maxAffinityEntries);
    this.#servicePort = init.servicePort;
    this.#cluster = new Pool(init.random);
    this.#local = new Pool(init.random);
    this.#syncTargets(init.servicePort.endpoints);
    this.#syncPools(init.servicePort);
  }

  /** The newest state of the service port. */
  get servicePort(): ServicePort {
    return this.#servicePort;
  }

  /** The endpoints of the service port, eligible or not, and those that have left it and still carry flows. */
  get targets(): ReadonlyMap<EndpointKey, Target> {
    this.#retireIdle();
    return this.#leaving.size === 0 ? this.#targets : new Map([...this.#targets, ...this.#leaving]);
  }

  /** Whether `route` looks at its `client`; otherwise any text will do. */
  get asksForClient(): boolean {
    const { affinityTimeoutMs, settings } = this.#servicePort;
    return affinityTimeoutMs !== undefined || settings.policy === 'maglev';
  }

  /** How many client addresses have an affinity entry; expired ones that no new flow has met yet are counted. */
  get affinityEntries(): number {
    return this.#affinity.size;
  }

  /**
   * What the removed endpoints have carried that carry nothing any more. With the stats of `targets` it is the sum for
   * the service port, which never goes down.
   */
  get retired(): Readonly<TargetStats> {
    this.#retireIdle();
    return this.#retired;
  }

  /**
   * Takes over the next state of the same service port. Returns the targets that have left it: their UDP sessions must
   * be cut. An endpoint that comes back while flows still hold on to its old target gets that target again, with its
   * counters.
   */
  update(servicePort: ServicePort): readonly Target[] {
    this.#servicePort = servicePort;
    const removed = this.#syncTargets(servicePort.endpoints);
    if (servicePort.affinityTimeoutMs === undefined) this.#affinity.clear();
    else if (removed.length > 0) this.#affinity.dropGone();
    this.#syncPools(servicePort);
    return removed;
  }

  /**
   * Who gets a flow of `client` (an address without a port) that has failed to reach all of `tried`. Affinity is of the
   * service port, whatever the scope; a client whose endpoint is not in `scope` gets another one.
   */
  route(client: string, nowMs: number, tried: readonly Target[] | undefined, scope: Scope = 'cluster'): Route {
    const timeoutMs = this.#servicePort.affinityTimeoutMs;
    if (timeoutMs === undefined) return this.#pick(client, tried, scope);
    const affine = this.#affinity.lookup(client, nowMs, timeoutMs);
    // Tried and still remembered: not to blame (`connectFailed`). This flow makes a detour, the client stays.
    const isDetour = affine !== undefined && tried?.includes(affine) === true;
    const kept = affine === undefined || isDetour ? undefined : this.#pool(scope).routeTo(affine);
    const route = kept ?? this.#pick(client, tried, scope);
    if (route.kind === 'forward' && !isDetour) this.#affinity.assign(client, route.target, nowMs, timeoutMs);
    return route;
  }

  /** `target` could not be reached for `client`, who must not be sent there again because of affinity. */
  connectFailed(client: string, target: Target): void {
    this.#affinity.drop(client, target);
  }

  /** What `route` would say to a new flow of `client`, and why. Changes nothing: no turn moves, no entry is refreshed. */
  explain(client: string, nowMs: number, scope: Scope = 'cluster'): BalanceExplanation {
    const servicePort = this.#servicePort;
    const { affinityTimeoutMs } = servicePort;
    const entry = affinityTimeoutMs === undefined ? undefined : this.#affinity.peek(client, nowMs, affinityTimeoutMs);
    const pool = this.#pool(scope);
    const turn = pool.peek(client, Math.min(pool.size, mostTurns))?.map(({ endpoint }) => endpoint);
    return explain({ servicePort, scope, entry, turn, none: this.#none(scope) });
  }

  #none(scope: Scope): Rejection {
    return scope === 'cluster' ? noEndpoint : this.#noLocal;
  }

  #pool(scope: Scope): Pool {
    return scope === 'cluster' ? this.#cluster : this.#local;
  }

  #pick(client: string, tried: readonly Target[] | undefined, scope: Scope): Route {
    const pool = this.#pool(scope);
    const none = this.#none(scope);
    if (pool.size === 0) return none;
    return pool.pick(client, tried) ?? (tried === undefined ? none : allTried);
  }

  #syncTargets(endpoints: readonly Endpoint[]): readonly Target[] {
    const wanted = new Set<EndpointKey>();
    for (const endpoint of endpoints) {
      wanted.add(endpoint.key);
      const target = this.#targets.get(endpoint.key);
      if (target === undefined) this.#targets.set(endpoint.key, this.#arrive(endpoint));
      else target.endpoint = endpoint;
    }
    const removed = [...this.#targets.values()].filter((target) => !wanted.has(target.endpoint.key));
    for (const target of removed) this.#leave(target);
    this.#retireIdle();
    return removed;
  }

  #arrive(endpoint: Endpoint): Target {
    const old = this.#leaving.get(endpoint.key);
    if (old === undefined) return new Target(endpoint);
    this.#leaving.delete(endpoint.key);
    old.endpoint = endpoint;
    old.present = true;
    return old;
  }

  #leave(target: Target): void {
    target.present = false;
    this.#targets.delete(target.endpoint.key);
    this.#leaving.set(target.endpoint.key, target);
  }

  /** Flows add to the stats of their target until they end: only without flows are they final. */
  #retireIdle(): void {
    for (const [key, target] of this.#leaving) {
      if (target.stats.active > 0) continue;
      addStats(this.#retired, target.stats);
      this.#leaving.delete(key);
    }
  }

  /** A flow that finds nobody here is told apart from one that would find nobody anywhere. */
  #syncPools({ endpoints, eligible, cluster = eligible, local = [], settings }: ServicePort): void {
    const targetsOf = (list: readonly Endpoint[]) => list.flatMap(({ key }) => this.#targets.get(key) ?? []);
    this.#cluster.sync(targetsOf(cluster), settings.policy);
    this.#local.sync(targetsOf(local), settings.policy);
    this.#noLocal = local.length === 0 && eligibleEndpoints(endpoints).length > 0 ? noLocalEndpoint : noEndpoint;
  }
}

function addStats(sum: TargetStats, stats: TargetStats): void {
  sum.active += stats.active;
  sum.opened += stats.opened;
  sum.closed += stats.closed;
  sum.bytesToEndpoint += stats.bytesToEndpoint;
  sum.bytesFromEndpoint += stats.bytesFromEndpoint;
  sum.datagramsToEndpoint += stats.datagramsToEndpoint;
  sum.datagramsFromEndpoint += stats.datagramsFromEndpoint;
}
