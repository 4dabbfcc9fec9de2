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
    const { targets, next } = this.#turn;
    const weights = this.#weights;
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let step = 0; step < targets.length; step += 1) {
      const index = next + step < targets.length ? next + step : next + step - targets.length;
      const target = targets[index];
      if (target === undefined || tried?.includes(target)) continue;
      const load = (target.stats.active + 1) / (weights[index] ?? 0);
      if (load >= least) continue;
      best = index;
      least = load;
    }
    return best < 0 ? undefined : this.#turn.takeAt(best);
  }

  credits(): ReadonlyMap<Target, number> {
    return this.#turn.credits();
  }
}
