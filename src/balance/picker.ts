import type { Target } from '../model/target.ts';

/** Chooses one target for each new flow, from a list that never changes: another list makes another picker. */
export interface Picker {
  /**
   * The target of a new flow of `client` (an address without a port), never one of `tried`. `undefined`: every target
   * that takes new flows was tried, or there is none. A target of weight 0 takes none.
   */
  pick(client: string, tried: readonly Target[] | undefined): Target | undefined;
  /**
   * What `pick` would give to the next `count` flows of `client`, one after the other, if no other flow came or went
   * meanwhile; empty if nobody takes flows. Changes nothing. `undefined`: chance decides when the flow comes.
   */
  peek(client: string, count: number): readonly Target[] | undefined;
  /**
   * For policies that go in turn: how much each target is owed, in units of weight. Among targets of equal weight the
   * one that is owed the most, and the first of several, is next. It is how the picker of a changed list goes on where
   * this one was.
   */
  credits?(): ReadonlyMap<Target, number>;
}

/** What a picker is made from. */
export interface PickerInit {
  readonly targets: readonly Target[];
  /** The picker that the new one replaces: its position is taken over. */
  readonly previous: Picker | undefined;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** The targets that take new flows at all. */
export function weighted(targets: readonly Target[]): readonly Target[] {
  return targets.filter((target) => target.endpoint.weight > 0);
}

/** `peek` of a policy that throws dice: certain only if there is no choice. */
export function peekAtChance(targets: readonly Target[], count: number): readonly Target[] | undefined {
  const [only, ...others] = targets;
  if (only === undefined) return [];
  return others.length === 0 ? Array.from({ length: count }, () => only) : undefined;
}

/** The targets that a flow that has tried `tried` may still get. */
export function untried(targets: readonly Target[], tried: readonly Target[] | undefined): readonly Target[] {
  return tried === undefined ? targets : targets.filter((target) => !tried.includes(target));
}
