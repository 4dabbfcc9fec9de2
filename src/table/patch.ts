import type { FrontendKey, ServiceKey, ServicePortKey } from '../model/keys.ts';
import type { EndpointSlice } from '../model/service.ts';
import type { Frontend, HealthCheck, ServicePort, Snapshot } from '../model/snapshot.ts';
import type { CompiledService } from './compile.ts';
import type { BuildInput } from './merge.ts';
import { shareList } from './share.ts';

/**
 * The services whose slices may differ between two inputs that have all else in common; `undefined`: something else
 * differs, too. Pods come and go far more often than services, and they leave every frontend where it is.
 */
export function servicesOfChangedSlices(before: BuildInput, after: BuildInput): ReadonlySet<ServiceKey> | undefined {
  const { settings, node, feeds } = after;
  if (before.settings !== settings || before.node !== node || before.feeds.length !== feeds.length) return undefined;
  const changed = new Set<ServiceKey>();
  for (const [index, { name, state }] of feeds.entries()) {
    const old = before.feeds[index];
    if (old?.name !== name || old.state.node !== state.node) return undefined;
    if (shareList(old.state.services, state.services) !== old.state.services) return undefined;
    for (const { service } of between(old.state.slices, state.slices)) changed.add(service);
  }
  return changed;
}

/** What both lists have between their common beginning and their common end. */
function between(one: readonly EndpointSlice[], other: readonly EndpointSlice[]): readonly EndpointSlice[] {
  const shorter = Math.min(one.length, other.length);
  let start = 0;
  while (start < shorter && one[start] === other[start]) start += 1;
  let end = 0;
  while (end < shorter - start && one.at(-1 - end) === other.at(-1 - end)) end += 1;
  return [...one.slice(start, one.length - end), ...other.slice(start, other.length - end)];
}

/** A snapshot in which some services have other endpoints. */
export class Patch {
  readonly #before: Snapshot;
  readonly #frontends: Overlay<FrontendKey, Frontend>;
  readonly #servicePorts: Overlay<ServicePortKey, ServicePort>;
  readonly #healthChecks: Overlay<ServiceKey, HealthCheck>;

  constructor(before: Snapshot) {
    this.#before = before;
    this.#frontends = new Overlay(before.frontends);
    this.#servicePorts = new Overlay(before.servicePorts);
    this.#healthChecks = new Overlay(before.healthChecks);
  }

  /** `compiled`: a service of the snapshot, with other slices and all else as it was. */
  add({ service, servicePorts, frontends, healthCheck }: CompiledService): void {
    for (const servicePort of servicePorts) this.#servicePorts.set(servicePort.key, servicePort);
    for (const frontend of frontends) if (this.#isOwner(frontend)) this.#frontends.set(frontend.key, frontend);
    if (healthCheck !== undefined) this.#healthChecks.set(service.key, healthCheck);
  }

  /** Who had the VIP:PORT/protocol has it still. */
  #isOwner({ key, servicePort }: Frontend): boolean {
    return this.#before.frontends.get(key)?.servicePort.key === servicePort.key;
  }

  /** The snapshot before, if nothing in it has changed. */
  snapshot(): Snapshot {
    const before = this.#before;
    const [frontends, servicePorts] = [this.#frontends.map, this.#servicePorts.map];
    const healthChecks = this.#healthChecks.map;
    const same = servicePorts === before.servicePorts && healthChecks === before.healthChecks;
    return same ? before : { ...before, version: before.version + 1, frontends, servicePorts, healthChecks };
  }
}

/** A map that is copied when it is first to differ. */
class Overlay<K, V> {
  readonly #before: ReadonlyMap<K, V>;
  #copy: Map<K, V> | undefined;

  constructor(before: ReadonlyMap<K, V>) {
    this.#before = before;
  }

  get map(): ReadonlyMap<K, V> {
    return this.#copy ?? this.#before;
  }

  set(key: K, value: V): void {
    if (this.map.get(key) === value) return;
    this.#copy ??= new Map(this.#before);
    this.#copy.set(key, value);
  }
}
