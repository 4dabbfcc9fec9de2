import type { Problem } from '../base/errors.ts';
import type { ServiceKey } from '../model/keys.ts';
import { unknownNode } from '../model/node.ts';
import type { Service } from '../model/service.ts';
import { emptySnapshot, type Snapshot } from '../model/snapshot.ts';
import { type CompiledService, compileService, type ServiceInput } from './compile.ts';
import { Draft } from './draft.ts';
import { type BuildInput, type Claim, groupSlices, mergeServices } from './merge.ts';
import { type NodeInput, nodeInput, unplacedNodePorts } from './node.ts';
import { Patch, servicesOfChangedSlices } from './patch.ts';
import { shareList } from './share.ts';

export type { BuildInput, FeedInput } from './merge.ts';

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
 * than at the last build; where nothing but slices changed, the others are not even looked at.
 */
export class SnapshotBuilder {
  #snapshot: Snapshot;
  #cache = new Map<ServiceKey, Cached>();
  #node: NodeInput | undefined;
  #last: BuildInput | undefined;
  #problems: readonly Problem[] = [];

  constructor(previous: Snapshot = emptySnapshot) {
    this.#snapshot = previous;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  build(input: BuildInput): BuildResult {
    const changed = this.#last && servicesOfChangedSlices(this.#last, input);
    if (changed === undefined) this.#problems = this.#buildAll(input);
    else this.#patch(input, changed);
    this.#last = input;
    return { snapshot: this.#snapshot, problems: this.#problems };
  }

  #buildAll({ feeds, settings, node: view = unknownNode }: BuildInput): readonly Problem[] {
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
    return [...problems, ...unplacedNodePorts(view, node, declared(services)), ...draft.problems];
  }

  /** Slices decide nothing that could be a problem. */
  #patch({ feeds }: BuildInput, changed: ReadonlySet<ServiceKey>): void {
    const slices = groupSlices(feeds, changed);
    const patch = new Patch(this.#snapshot);
    for (const key of changed) {
      const cached = this.#cache.get(key);
      if (cached === undefined) continue;
      const { service, defaults, node } = cached.input;
      const next = this.#compile({ service, slices: slices.get(key) ?? [], defaults, node });
      this.#cache.set(key, next);
      patch.add(next.compiled);
    }
    this.#snapshot = patch.snapshot();
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

function* declared(claims: ReadonlyMap<ServiceKey, Claim>): Iterable<Service> {
  for (const { service } of claims.values()) yield service;
}
