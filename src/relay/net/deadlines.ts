import type { Clock, Timer } from '../../base/clock.ts';

export interface Late {
  /** The deadline has passed; it is forgotten before this is called. */
  late(): void;
}

/** How late a deadline may be noticed, in milliseconds. */
const precisionMs = 25;

/**
 * Deadlines of many things that nearly always are done in time, such as connecting: setting and deleting one is a map
 * entry, and a single timer looks after all of them, as long as there are any.
 */
export class Deadlines<T extends Late> {
  readonly #clock: Clock;
  readonly #deadlines = new Map<T, number>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `item` has `delayMs` from now; a deadline that it had is replaced. */
  set(item: T, delayMs: number): void {
    this.#deadlines.set(item, this.#clock.now() + delayMs);
    this.#timer ??= this.#clock.after(precisionMs, () => this.#look());
  }

  delete(item: T): void {
    this.#deadlines.delete(item);
  }

  #look(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (const [item, deadline] of this.#deadlines) {
      if (deadline > now) continue;
      this.#deadlines.delete(item);
      item.late();
    }
    if (this.#deadlines.size > 0) this.#timer ??= this.#clock.after(precisionMs, () => this.#look());
  }
}
