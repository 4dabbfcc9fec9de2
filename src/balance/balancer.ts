import type { EndpointKey } from '../model/keys.ts';
import type { Endpoint, ServicePort } from '../model/snapshot.ts';
import { Target, TargetStats } from '../model/target.ts';
import type { Route } from '../relay/relay.ts';
import { AffinityTable } from './affinity.ts';
import { createPicker } from './create-picker.ts';
import type { Picker } from './picker.ts';

export interface BalancerInit {
  readonly servicePort: ServicePort;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** The most client addresses that are remembered for `sessionAffinity: ClientIP`. */
  readonly maxAffinityEntries: number;
}

const noEndpoint: Route = { kind: 'reject', reason: 'no-endpoint' };
const allTried: Route = { kind: 'reject', reason: 'connect-failed' };

/**
 * Who gets the flows of one service port. It outlives every change of the service port: targets with their counters, the
 * position of the turn and the affinity entries are kept as far as they are still true.
 */
export class Balancer {
  readonly #random: () => number;
  readonly #affinity: AffinityTable;
  readonly #targets = new Map<EndpointKey, Target>();
  /** Removed targets that flows still hold on to. */
  readonly #leaving = new Map<EndpointKey, Target>();
  readonly #retired = new TargetStats();
  #servicePort: ServicePort;
  /** The answers for the eligible targets, made once: a new flow allocates nothing. */
  #routes: ReadonlyMap<Target, Route> = new Map();
  #weights: readonly number[] = [];
  #picker: Picker | undefined;

  constructor(init: BalancerInit) {
    this.#random = init.random;
    this.#affinity = new AffinityTable(init.maxAffinityEntries);
    this.#servicePort = init.servicePort;
    this.#syncTargets(init.servicePort.endpoints);
    this.#syncPicker(init.servicePort, true);
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
    const policyChanged = servicePort.settings.policy !== this.#servicePort.settings.policy;
    this.#servicePort = servicePort;
    const removed = this.#syncTargets(servicePort.endpoints);
    if (servicePort.affinityTimeoutMs === undefined) this.#affinity.clear();
    else if (removed.length > 0) this.#affinity.dropGone();
    this.#syncPicker(servicePort, policyChanged);
    return removed;
  }

  /** Who gets a flow of `client` (an address without a port) that has failed to reach all of `tried`. */
  route(client: string, nowMs: number, tried: readonly Target[] | undefined): Route {
    const timeoutMs = this.#servicePort.affinityTimeoutMs;
    if (timeoutMs === undefined) return this.#pick(client, tried);
    const affine = this.#affinity.lookup(client, nowMs, timeoutMs);
    // Tried and still remembered: not to blame (`connectFailed`). This flow makes a detour, the client stays.
    const isDetour = affine !== undefined && tried?.includes(affine) === true;
    const kept = affine === undefined || isDetour ? undefined : this.#routes.get(affine);
    const route = kept ?? this.#pick(client, tried);
    if (route.kind === 'forward' && !isDetour) this.#affinity.assign(client, route.target, nowMs, timeoutMs);
    return route;
  }

  /** `target` could not be reached for `client`, who must not be sent there again because of affinity. */
  connectFailed(client: string, target: Target): void {
    this.#affinity.drop(client, target);
  }

  #pick(client: string, tried: readonly Target[] | undefined): Route {
    if (this.#routes.size === 0) return noEndpoint;
    const target = this.#picker?.pick(client, tried);
    const route = target && this.#routes.get(target);
    return route ?? (tried === undefined ? noEndpoint : allTried);
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

  /** Without eligible endpoints the last picker stays, as the memory of the position. */
  #syncPicker(servicePort: ServicePort, policyChanged: boolean): void {
    const targets = servicePort.eligible.flatMap(({ key }) => this.#targets.get(key) ?? []);
    const weights = targets.map((target) => target.endpoint.weight);
    if (!policyChanged && this.#isCurrent(targets, weights)) return;
    this.#routes = new Map(targets.map((target) => [target, { kind: 'forward', target }]));
    this.#weights = weights;
    if (targets.length === 0 && !policyChanged) return;
    const { policy } = servicePort.settings;
    this.#picker = createPicker(policy, { targets, previous: this.#picker, random: this.#random });
  }

  #isCurrent(targets: readonly Target[], weights: readonly number[]): boolean {
    if (targets.length !== this.#routes.size) return false;
    const before = [...this.#routes.keys()];
    return targets.every((target, index) => target === before[index] && weights[index] === this.#weights[index]);
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
