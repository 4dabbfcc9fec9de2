import type { Target } from '../model/target.ts';
import { type Picker, type PickerInit, weighted } from './picker.ts';
import { Turn } from './turn.ts';

/**
 * The target with the fewest flows for each unit of weight, the new one included (so that of two idle ones the heavier
 * is preferred); among equals in turn, so that short flows are spread as by round robin. Looks at every target: for
 * thousands of endpoints `powerOfTwo` is nearly as even and costs the same for any number.
 */
export class LeastConnections implements Picker {
  readonly #turn: Turn;
  /** Of the targets of the turn. A copy: reading them from the endpoints would be most of a pick. */
  readonly #weights: readonly number[];

  constructor(init: PickerInit) {
    this.#turn = new Turn(weighted(init.targets), init.previous);
    this.#weights = this.#turn.targets.map((target) => target.endpoint.weight);
  }

  pick(_client: string, tried: readonly Target[] | undefined): Target | undefined {
    const best = this.#leastLoaded(this.#turn.next, tried, undefined);
    return best < 0 ? undefined : this.#turn.takeAt(best);
  }

  peek(_client: string, count: number): readonly Target[] {
    const { targets } = this.#turn;
    const active = targets.map(({ stats }) => stats.active);
    const given: Target[] = [];
    for (let next = this.#turn.next; given.length < count; ) {
      const best = this.#leastLoaded(next, undefined, active);
      const target = targets[best];
      if (target === undefined) break;
      given.push(target);
      active[best] = (active[best] ?? 0) + 1;
      next = (best + 1) % targets.length;
    }
    return given;
  }

  /** The index of the one to take, -1 if there is none; `active` is in place of the targets' own flows. */
  #leastLoaded(next: number, tried: readonly Target[] | undefined, active: readonly number[] | undefined): number {
    const { targets } = this.#turn;
    const weights = this.#weights;
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let step = 0; step < targets.length; step += 1) {
      const index = next + step < targets.length ? next + step : next + step - targets.length;
      const target = targets[index];
      if (target === undefined || tried?.includes(target)) continue;
      const flows = active === undefined ? target.stats.active : (active[index] ?? 0);
      const load = (flows + 1) / (weights[index] ?? 0);
      if (load >= least) continue;
      best = index;
      least = load;
    }
    return best;
  }

  credits(): ReadonlyMap<Target, number> {
    return this.#turn.credits();
  }
}
