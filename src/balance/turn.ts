import type { Target } from '../model/target.ts';
import type { Picker } from './picker.ts';

/**
 * A position in a list of targets that goes round: the state of everything that goes "in turn". In credits (see
 * `Picker`) the position `p` of `n` is that each of the first `p` has had one turn more than it was owed at the
 * beginning of the round: those are owed `p - n`, the others `p`. That is also what smooth weighted round robin holds
 * after `p` picks among equals, so either takes over from the other exactly.
 */
export class Turn {
  readonly targets: readonly Target[];
  /** The weight that the targets had when the list was made, as the unit of credit. */
  readonly #unit: number;
  #next: number;

  /** Goes on with the target that is owed the most by `previous`; with the first if nobody who is left is owed. */
  constructor(targets: readonly Target[], previous: Picker | undefined) {
    this.targets = targets;
    this.#unit = targets[0]?.endpoint.weight ?? 0;
    this.#next = mostOwed(targets, previous?.credits?.());
  }

  /** The index of the target whose turn it is. */
  get next(): number {
    return this.#next;
  }

  /** The first target, from the next on, that was not tried; the turn moves behind it. */
  take(tried: readonly Target[] | undefined): Target | undefined {
    const { length } = this.targets;
    for (let step = 0; step < length; step += 1) {
      const index = this.#next + step < length ? this.#next + step : this.#next + step - length;
      const target = this.targets[index];
      if (target !== undefined && !tried?.includes(target)) return this.takeAt(index);
    }
    return undefined;
  }

  /** What `take` would give the next `count` times. */
  upcoming(count: number): readonly Target[] {
    const around = [...this.targets.slice(this.#next), ...this.targets.slice(0, this.#next)];
    return Array.from({ length: around.length === 0 ? 0 : count }, (_, step) => around[step % around.length]).filter(
      (target) => target !== undefined,
    );
  }

  /** The target at `index`; the turn moves behind it. */
  takeAt(index: number): Target | undefined {
    this.#next = index + 1 === this.targets.length ? 0 : index + 1;
    return this.targets[index];
  }

  credits(): ReadonlyMap<Target, number> {
    const { length } = this.targets;
    const position = this.#next;
    const turns = (index: number) => (index < position ? position - length : position);
    return new Map(this.targets.map((target, index) => [target, turns(index) * this.#unit]));
  }
}

function mostOwed(targets: readonly Target[], credits: ReadonlyMap<Target, number> | undefined): number {
  let best = 0;
  let most = Number.NEGATIVE_INFINITY;
  targets.forEach((target, index) => {
    const credit = credits?.get(target);
    if (credit === undefined || credit <= most) return;
    most = credit;
    best = index;
  });
  return best;
}
