import type { Target } from '../model/target.ts';
import { type Picker, type PickerInit, peekAtChance, untried, weighted } from './picker.ts';

/** A random target; the chance of each is its share of the sum of weights. */
export class Random implements Picker {
  readonly #targets: readonly Target[];
  readonly #bounds: Float64Array;
  readonly #random: () => number;

  constructor(init: PickerInit) {
    this.#targets = weighted(init.targets);
    this.#bounds = boundsOf(this.#targets);
    this.#random = init.random;
  }

  pick(_client: string, tried: readonly Target[] | undefined): Target | undefined {
    if (tried === undefined) return this.#draw(this.#targets, this.#bounds);
    const targets = untried(this.#targets, tried);
    return this.#draw(targets, boundsOf(targets));
  }

  peek(_client: string, count: number): readonly Target[] | undefined {
    return peekAtChance(this.#targets, count);
  }

  #draw(targets: readonly Target[], bounds: Float64Array): Target | undefined {
    const point = this.#random() * (bounds.at(-1) ?? 0);
    return targets[firstAbove(bounds, point)];
  }
}

/** The sums of the weights up to and including each target. */
function boundsOf(targets: readonly Target[]): Float64Array {
  let sum = 0;
  return Float64Array.from(targets, (target) => {
    sum += target.endpoint.weight;
    return sum;
  });
}

/** The index of the first of the rising `bounds` that is greater than `point`. */
function firstAbove(bounds: Float64Array, point: number): number {
  let low = 0;
  let high = bounds.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((bounds[middle] ?? 0) > point) high = middle;
    else low = middle + 1;
  }
  return low;
}
