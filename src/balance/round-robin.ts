import type { Target } from '../model/target.ts';
import { type Picker, type PickerInit, weighted } from './picker.ts';
import { Turn } from './turn.ts';

/** Targets in turn, A B C A …: exactly so while all weights are equal, else as smooth weighted round robin. */
export function roundRobin(init: PickerInit): Picker {
  const targets = weighted(init.targets);
  const weight = targets[0]?.endpoint.weight;
  const equal = targets.every((target) => target.endpoint.weight === weight);
  return equal ? new RoundRobin(targets, init.previous) : new SmoothRoundRobin(targets, init.previous);
}

/** Equal weights: one step a pick, whatever the number of targets. */
class RoundRobin implements Picker {
  readonly #turn: Turn;

  constructor(targets: readonly Target[], previous: Picker | undefined) {
    this.#turn = new Turn(targets, previous);
  }

  pick(_client: string, tried: readonly Target[] | undefined): Target | undefined {
    return this.#turn.take(tried);
  }

  peek(_client: string, count: number): readonly Target[] {
    return this.#turn.upcoming(count);
  }

  credits(): ReadonlyMap<Target, number> {
    return this.#turn.credits();
  }
}

interface Share {
  readonly target: Target;
  readonly weight: number;
  credit: number;
}

/**
 * nginx's smooth weighted round robin: at each pick every target is credited its weight, the one with the most credit
 * is taken and pays the sum of all weights. {a: 5, b: 1, c: 1} gives a a b a c a a. A retry credits only those that it
 * may still take, as nginx does, but in an account of its own: it costs less than a first pick, and in one account the
 * flows of a target that fails would not be shared by weight. A newcomer starts with 0; what those who left owed or were
 * owed is forgotten, and the next picks even it out. The cost of a pick grows with the number of targets.
 */
class SmoothRoundRobin implements Picker {
  readonly #shares: readonly Share[];
  /** The account of retries; absent: there was none yet. */
  #retries: readonly Share[] | undefined;

  constructor(targets: readonly Target[], previous: Picker | undefined) {
    const credits = previous?.credits?.();
    this.#shares = targets.map((target) => shareOf(target, target.endpoint.weight, credits?.get(target)));
  }

  pick(_client: string, tried: readonly Target[] | undefined): Target | undefined {
    if (tried === undefined) return takeMostCredited(this.#shares);
    this.#retries ??= this.#shares.map(({ target, weight }) => shareOf(target, weight));
    return takeMostCredited(this.#retries.filter(({ target }) => !tried.includes(target)));
  }

  peek(_client: string, count: number): readonly Target[] {
    const shares = this.#shares.map(({ target, weight, credit }) => shareOf(target, weight, credit));
    return Array.from({ length: count }, () => takeMostCredited(shares)).filter((target) => target !== undefined);
  }

  credits(): ReadonlyMap<Target, number> {
    return new Map(this.#shares.map(({ target, credit }) => [target, credit]));
  }
}

/** All are of one hidden class: picks look at every one of them. */
function shareOf(target: Target, weight: number, credit = 0): Share {
  return { target, weight, credit };
}

function takeMostCredited(shares: readonly Share[]): Target | undefined {
  let best: Share | undefined;
  let total = 0;
  for (const share of shares) {
    share.credit += share.weight;
    total += share.weight;
    if (best === undefined || share.credit > best.credit) best = share;
  }
  if (best !== undefined) best.credit -= total;
  return best?.target;
}
