import type { Clock, Timer } from './clock.ts';

/** So many in a period are a rush. */
const rush = 256;
const periodMs = 1_000;

/** Does what is better done when nobody waits for anything: once after each rush, in the first period that is none. */
export class Calm {
  readonly #clock: Clock;
  readonly #task: () => void;
  #count = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, task: () => void) {
    this.#clock = clock;
    this.#task = task;
  }

  /** One more thing has happened. */
  note(): void {
    this.#count += 1;
    if (this.#count >= rush) this.#timer ??= this.#wait();
  }

  #wait(): Timer {
    this.#count = 0;
    return this.#clock.after(periodMs, () => {
      this.#timer = this.#count >= rush ? this.#wait() : undefined;
      if (this.#timer === undefined) this.#task();
    });
  }
}
