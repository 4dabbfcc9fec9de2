import type { Clock, Timer } from '../../src/base/clock.ts';

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now = 0;
  #tasks: { at: number; task: (asOf: number) => void }[] = [];
  #seed: number;

  constructor(seed = 1) {
    this.#seed = seed;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return Date.UTC(2026, 0, 1) + this.#now;
  }

  after(delayMs: number, task: (asOf: number) => void): Timer {
    const entry = { at: this.#now + delayMs, task };
    this.#tasks.push(entry);
    const cancel = () => {
      this.#tasks = this.#tasks.filter((other) => other !== entry);
    };
    return { cancel };
  }

  /** A small linear congruential generator: the same numbers in every run. */
  random(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#seed / 2 ** 32;
  }

  /** Moves time on, running what becomes due in its order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#tasks.filter((entry) => entry.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#tasks = this.#tasks.filter((entry) => entry !== due);
      this.#now = Math.max(this.#now, due.at);
      due.task(this.#now);
    }
    this.#now = end;
  }

  get pending(): number {
    return this.#tasks.length;
  }
}
