export interface BackoffInit {
  /** The first delay, in milliseconds. */
  readonly initialMs: number;
  /** No delay is longer than this, in milliseconds. */
  readonly maxMs: number;
  /** A number in [0, 1): spreads the retries of many waiters ("equal jitter": half fixed, half random). */
  readonly random: () => number;
}

/** Exponential backoff with jitter: each `next()` is about twice the one before, until `reset()`. */
export class Backoff {
  readonly #init: BackoffInit;
  #attempt = 0;

  constructor(init: BackoffInit) {
    this.#init = init;
  }

  /** Milliseconds to wait before the next try. */
  next(): number {
    const { initialMs, maxMs, random } = this.#init;
    const ceiling = Math.min(initialMs * 2 ** this.#attempt, maxMs);
    this.#attempt += 1;
    return ceiling / 2 + (ceiling / 2) * random();
  }

  reset(): void {
    this.#attempt = 0;
  }
}
