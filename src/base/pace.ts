import { setImmediate } from 'node:timers/promises';
import type { Clock } from './clock.ts';

/** Cuts long work into slices, so that the traffic of this process goes on meanwhile. */
export class Pace {
  readonly #clock: Clock;
  readonly #sliceMs: number;
  #sliceStart: number;

  constructor(clock: Clock, sliceMs = 8) {
    this.#clock = clock;
    this.#sliceMs = sliceMs;
    this.#sliceStart = clock.now();
  }

  /** True when the event loop has waited long enough: time to `await rest()`. */
  get isDue(): boolean {
    return this.#clock.now() - this.#sliceStart >= this.#sliceMs;
  }

  async rest(): Promise<void> {
    await setImmediate();
    this.#sliceStart = this.#clock.now();
  }

  /** `items.map(task)`, in slices. */
  async map<Item, Result>(items: Iterable<Item>, task: (item: Item) => Result): Promise<readonly Result[]> {
    const results: Result[] = [];
    for (const item of items) {
      results.push(task(item));
      if (this.isDue) await this.rest();
    }
    return results;
  }
}
