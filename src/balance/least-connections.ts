import type { Target } from '../model/target.ts';
import { loadWithOneMore, type Picker, type PickerInit, weighted } from './picker.ts';
import { Turn } from './turn.ts';

/**
 * The target with the fewest flows for its weight; among equals in turn, so that short flows are spread as by round
 * robin. Looks at every target: for thousands of endpoints `powerOfTwo` is nearly as even and costs the same for any
 * number.
 */
export class LeastConnections implements Picker {
  readonly #turn: Turn;

  constructor(init: PickerInit) {
    this.#turn = new Turn(weighted(init.targets), init.previous);
  }

  pick(_client: string, tried: readonly Target[] | undefined): Target | undefined {
    let best: Target | undefined;
    let bestStep = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let step = 0; step < this.#turn.targets.length; step += 1) {
      const target = this.#turn.at(step);
      if (target === undefined || tried?.includes(target)) continue;
      const load = loadWithOneMore(target);
      if (load >= least) continue;
      best = target;
      bestStep = step;
      least = load;
    }
    if (best !== undefined) this.#turn.moveBehind(bestStep);
    return best;
  }

  credits(): ReadonlyMap<Target, number> {
    return this.#turn.credits();
  }
}
