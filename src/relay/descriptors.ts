/** Hands out file descriptors that the process may open, so that it never finds none left in the middle of something. */
export interface Descriptors {
  /** False if fewer than `count` are left; nothing is taken then. */
  tryAcquire(count: number): boolean;
  release(count: number): void;
}

interface Waiter {
  readonly count: number;
  readonly granted: () => void;
}

export interface DescriptorBudgetInit {
  /** How many there are for flows; what else the process opens is not counted here. */
  readonly limit: number;
  /** How many may wait at a time. */
  readonly mostWaiting: number;
}

export class DescriptorBudget implements Descriptors {
  #limit: number;
  readonly mostWaiting: number;
  readonly #waiting = new Set<Waiter>();
  #used = 0;

  constructor({ limit, mostWaiting }: DescriptorBudgetInit) {
    this.#limit = limit;
    this.mostWaiting = mostWaiting;
  }

  get limit(): number {
    return this.#limit;
  }

  /** What was handed out stays so, even if it is more than `limit` now. */
  resize(limit: number): void {
    this.#limit = limit;
    this.release(0);
  }

  get used(): number {
    return this.#used;
  }

  tryAcquire(count: number): boolean {
    if (this.#used + count > this.#limit) return false;
    this.#used += count;
    return true;
  }

  release(count: number): void {
    this.#used -= count;
    for (const waiter of this.#waiting) {
      if (!this.tryAcquire(waiter.count)) return;
      this.#waiting.delete(waiter);
      waiter.granted();
    }
  }

  /**
   * Calls `granted` when `count` descriptors have been acquired for the caller: first come, first served. Returns the
   * function that gives up waiting, or `undefined` if too many wait already.
   */
  wait(count: number, granted: () => void): (() => void) | undefined {
    if (this.#waiting.size >= this.mostWaiting) return undefined;
    const waiter = { count, granted };
    this.#waiting.add(waiter);
    return () => this.#waiting.delete(waiter);
  }
}
