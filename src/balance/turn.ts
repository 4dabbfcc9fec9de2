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

  /** The first target at or after the position that was not tried; the position moves behind it. */
  take(tried: readonly Target[] | undefined): Target | undefined {
    for (let step = 0; step < this.targets.length; step += 1) {
      const target = this.at(step);
      if (target === undefined || tried?.includes(target)) continue;
      this.moveBehind(step);
      return target;
    }
    return undefined;
  }

  /** The target `step` places after the position, `step` less than the length of the list. */
  at(step: number): Target | undefined {
    const index = this.#next + step;
    return this.targets[index < this.targets.length ? index : index - this.targets.length];
  }

  moveBehind(step: number): void {
    this.#next = (this.#next + step + 1) % this.targets.length;
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
