import type { Target } from '../model/target.ts';
import { type Picker, type PickerInit, peekAtChance, untried, weighted } from './picker.ts';

/**
 * Of two different random targets the one with fewer flows for its weight (Mitzenmacher, "The power of two choices in
 * randomized load balancing", 1996). The draw ignores weights; the comparison does not.
 */
export class PowerOfTwo implements Picker {
  readonly #targets: readonly Target[];
  readonly #random: () => number;

  constructor(init: PickerInit) {
    this.#targets = weighted(init.targets);
    this.#random = init.random;
  }

  pick(_client: string, tried: readonly Target[] | undefined): Target | undefined {
    const targets = untried(this.#targets, tried);
    if (targets.length < 2) return targets[0];
    const first = Math.floor(this.#random() * targets.length);
    const draw = Math.floor(this.#random() * (targets.length - 1));
    const second = draw < first ? draw : draw + 1;
    return lighter(targets[first], targets[second]);
  }

  peek(_client: string, count: number): readonly Target[] | undefined {
    return peekAtChance(this.#targets, count);
  }
}

function lighter(one: Target | undefined, other: Target | undefined): Target | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return loadOf(other) < loadOf(one) ? other : one;
}

/** Flows for each unit of weight, the new one included: so that of two idle ones the heavier is preferred. */
function loadOf(target: Target): number {
  return (target.stats.active + 1) / target.endpoint.weight;
}
