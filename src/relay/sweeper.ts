import type { Clock, Timer } from '../base/clock.ts';

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
  /** When the timer goes off, on the monotonic clock. */
  #dueAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Visits what is new, and that alone: thousands of listeners come at once. */
  add(watched: Watched): void {
    this.#watched.add(watched);
    this.#sweepIn(periodOf(this.#visit(watched, this.#clock.now())));
  }

  #sweep(asOf: number): void {
    this.#dueAt = Number.POSITIVE_INFINITY;
    let shortest = Number.POSITIVE_INFINITY;
    for (const watched of this.#watched) shortest = Math.min(shortest, this.#visit(watched, asOf));
    if (this.#watched.size > 0) this.#sweepIn(periodOf(shortest));
  }

  /** The shortest timeout; what is over has none, and is forgotten. */
  #visit(watched: Watched, now: number): number {
    const timeoutMs = watched.watch(now);
    if (timeoutMs === undefined) this.#watched.delete(watched);
    return timeoutMs ?? Number.POSITIVE_INFINITY;
  }

  /** Sooner, if that is how it stands already. */
  #sweepIn(delayMs: number): void {
    const dueAt = this.#clock.now() + delayMs;
    if (dueAt >= this.#dueAt) return;
    this.#timer?.cancel();
    this.#dueAt = dueAt;
    this.#timer = this.#clock.after(delayMs, (asOf) => this.#sweep(asOf));
  }
}

function periodOf(timeoutMs: number): number {
  return Math.min(Math.max(timeoutMs / 4, shortestPeriodMs), longestPeriodMs);
}
