import type { Clock, Timer } from '../base/clock.ts';

/** Something with a deadline. All but `late` belongs to its `Deadlines`: only that reads and writes it. */
export interface Late<T> {
  /** On the monotonic clock, in milliseconds; `undefined`: none. */
  deadlineAt: number | undefined;
  before: T | undefined;
  after: T | undefined;
  /** The deadline has passed; it is forgotten before this is called. */
  late(): void;
}

/** How late a deadline may be noticed, in milliseconds. */
const precisionMs = 25;

/**
 * Deadlines of many things that nearly always are done in time, such as connecting: one timer looks after all of them,
 * as long as there are any, and setting or deleting one is a few links. (A Map would give every connection an identity
 * hash and keep rehashing: 3 of its 60 microseconds.)
 */
export class Deadlines<T extends Late<T>> {
  readonly #clock: Clock;
  #first: T | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `item` has `delayMs` from now; a deadline that it had is replaced. */
  set(item: T, delayMs: number): void {
    if (item.deadlineAt === undefined) this.#link(item);
    item.deadlineAt = this.#clock.now() + delayMs;
    this.#timer ??= this.#clock.after(precisionMs, (asOf) => this.#look(asOf));
  }

  delete(item: T): void {
    if (item.deadlineAt === undefined) return;
    item.deadlineAt = undefined;
    const { before, after } = item;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after !== undefined) after.before = before;
    item.before = undefined;
    item.after = undefined;
  }

  #link(item: T): void {
    item.after = this.#first;
    if (this.#first !== undefined) this.#first.before = item;
    this.#first = item;
  }

  #look(asOf: number): void {
    this.#timer = undefined;
    // First all that are late, then their calls: those may set and delete others.
    const late: T[] = [];
    for (let item = this.#first; item !== undefined; item = item.after) {
      if ((item.deadlineAt ?? asOf) <= asOf) late.push(item);
    }
    for (const item of late) {
      if ((item.deadlineAt ?? Number.POSITIVE_INFINITY) > asOf) continue;
      this.delete(item);
      item.late();
    }
    if (this.#first !== undefined) this.#timer ??= this.#clock.after(precisionMs, (asOf) => this.#look(asOf));
  }
}
