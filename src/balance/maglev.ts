import type { Target } from '../model/target.ts';
import { hash32 } from './hash.ts';
import { type Picker, type PickerInit, untried, weighted } from './picker.ts';

/** The size of every table, a prime: each endpoint's stride then visits every place. 128 KiB for a service port. */
const tableSize = 65_537;
const free = 0xffff;

/**
 * Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4): the same client address gets the same target, on every host
 * and after every restart, and a change of the list moves few of the others' clients. A retry goes on to the next
 * target in the table, which again is the same for the same client. The table is built for the first flow: a few
 * milliseconds.
 */
export class Maglev implements Picker {
  readonly #targets: readonly Target[];
  #table: Uint16Array | undefined;

  constructor(init: PickerInit) {
    this.#targets = weighted(init.targets).slice(0, free).sort(byKey);
  }

  pick(client: string, tried: readonly Target[] | undefined): Target | undefined {
    const left = untried(this.#targets, tried);
    if (left.length < 2) return left[0];
    this.#table ??= buildTable(this.#targets);
    const home = hash32(client) % tableSize;
    for (let step = 0; step < tableSize; step += 1) {
      const target = this.#targets[this.#table[(home + step) % tableSize] ?? free];
      if (target !== undefined && !tried?.includes(target)) return target;
    }
    // What is left is too light, beside the heaviest, for even one place.
    return left[0];
  }

  /** There is no turn: a client's next flow goes where this one does. */
  peek(client: string, count: number): readonly Target[] {
    const target = this.pick(client, undefined);
    return target === undefined ? [] : Array.from({ length: count }, () => target);
  }
}

/** Every host must fill its table in the same order, whatever the order of its slices. */
function byKey(one: Target, other: Target): number {
  return one.endpoint.key < other.endpoint.key ? -1 : 1;
}

/** One endpoint's own order of preference among all places: `start`, `start + stride`, … */
interface Walk {
  next: number;
  readonly stride: number;
  /** Turns for each round of the fill; the heaviest endpoint has one in each. */
  readonly share: number;
  turns: number;
}

/** Endpoints take turns by weight; at its turn each takes the first place of its order that is still free. */
function buildTable(targets: readonly Target[]): Uint16Array {
  const table = new Uint16Array(tableSize).fill(free);
  const walks = walksOf(targets);
  let left = tableSize;
  for (let round = 1; left > 0; round += 1) {
    for (let index = 0; index < walks.length && left > 0; index += 1) {
      const walk = walks[index];
      if (walk === undefined || walk.turns + 1 > walk.share * round + epsilon) continue;
      walk.turns += 1;
      left -= 1;
      table[takeFree(table, walk)] = index;
    }
  }
  return table;
}

/** So that a share of 1/3 has its turn in the third round in spite of rounding. */
const epsilon = 1e-9;

function walksOf(targets: readonly Target[]): readonly Walk[] {
  const heaviest = Math.max(...targets.map((target) => target.endpoint.weight));
  return targets.map(({ endpoint }) => ({
    next: hash32(endpoint.key, 1) % tableSize,
    stride: 1 + (hash32(endpoint.key, 2) % (tableSize - 1)),
    share: endpoint.weight / heaviest,
    turns: 0,
  }));
}

function takeFree(table: Uint16Array, walk: Walk): number {
  let place = walk.next;
  while (table[place] !== free) place = (place + walk.stride) % tableSize;
  walk.next = place;
  return place;
}
