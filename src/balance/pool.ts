import type { Policy } from '../model/settings.ts';
import type { Target } from '../model/target.ts';
import type { Route } from '../relay/relay.ts';
import { createPicker } from './create-picker.ts';
import type { Picker } from './picker.ts';

/** The targets that flows of one scope may get, with a turn of their own. */
export class Pool {
  readonly #random: () => number;
  /** The answers for the targets, made once: a new flow allocates nothing. */
  #routes: ReadonlyMap<Target, Route> = new Map();
  #weights: readonly number[] = [];
  #policy: Policy | undefined;
  #picker: Picker | undefined;

  constructor(random: () => number) {
    this.#random = random;
  }

  get size(): number {
    return this.#routes.size;
  }

  /** The answer for `target`, if it is in the pool. */
  routeTo(target: Target): Route | undefined {
    return this.#routes.get(target);
  }

  pick(client: string, tried: readonly Target[] | undefined): Route | undefined {
    const target = this.#routes.size === 0 ? undefined : this.#picker?.pick(client, tried);
    return target && this.#routes.get(target);
  }

  /** See `Picker.peek`. */
  peek(client: string, count: number): readonly Target[] | undefined {
    return this.#routes.size === 0 || this.#picker === undefined ? [] : this.#picker.peek(client, count);
  }

  /** Without targets the last picker stays, as the memory of the position. */
  sync(targets: readonly Target[], policy: Policy): void {
    const weights = targets.map((target) => target.endpoint.weight);
    const policyChanged = policy !== this.#policy;
    if (!policyChanged && this.#isCurrent(targets, weights)) return;
    this.#routes = new Map(targets.map((target) => [target, { kind: 'forward', target }]));
    this.#weights = weights;
    if (targets.length === 0 && !policyChanged) return;
    this.#policy = policy;
    this.#picker = createPicker(policy, { targets, previous: this.#picker, random: this.#random });
  }

  #isCurrent(targets: readonly Target[], weights: readonly number[]): boolean {
    if (targets.length !== this.#routes.size) return false;
    const before = [...this.#routes.keys()];
    return targets.every((target, index) => target === before[index] && weights[index] === this.#weights[index]);
  }
}
