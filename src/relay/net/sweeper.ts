import type { Clock, Timer } from '../../base/clock.ts';

/** Something with timeouts that are looked at from time to time, rather than by a timer for each flow. */
export interface Watched {
  /** Looks at all timeouts. Returns the shortest one in milliseconds, or `undefined` if there will never be any more. */
  watch(now: number): number | undefined;
}

const shortestPeriodMs = 20;
const longestPeriodMs = 1_000;

/** Visits what it watches, often enough that a timeout is late by no more than a quarter of itself, or a second. */
export class Sweeper {
  readonly #clock: Clock;
  readonly #watched = new Set<Watched>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(watched: Watched): void {
    this.#watched.add(watched);
    this.#sweep();
  }

  #sweep(): void {
    this.#timer?.cancel();
    if (this.#watched.size === 0) return;
    const now = this.#clock.now();
    let shortest = longestPeriodMs * 4;
    for (const watched of this.#watched) {
      const timeoutMs = watched.watch(now);
      if (timeoutMs === undefined) this.#watched.delete(watched);
      else shortest = Math.min(shortest, timeoutMs);
    }
    this.#timer = this.#clock.after(Math.max(shortest / 4, shortestPeriodMs), () => this.#sweep());
  }
}
