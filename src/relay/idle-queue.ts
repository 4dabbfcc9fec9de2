/** A member of an `IdleQueue`. All but `lastActiveMs` belongs to the queue: only it reads and writes them. */
export interface Queued<T extends Queued<T>> {
  /** On the monotonic clock. It may move on at any time, and nobody tells the queue. */
  readonly lastActiveMs: number;
  queue: IdleQueue<T> | undefined;
  queueIndex: number;
  /** Its activity as the queue saw it last, and the order in which it was seen. */
  seenActiveMs: number;
  seenOrder: number;
}

/**
 * Members in the order of their last activity, which is found out only when somebody asks: being active, which happens
 * for every datagram, costs nothing here. A binary heap by what was seen last; as activity only moves on, whoever is
 * first and has not moved since is idle longest.
 */
export class IdleQueue<T extends Queued<T>> {
  readonly #heap: T[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** In no order. Members must not come or go meanwhile. */
  [Symbol.iterator](): Iterator<T> {
    return this.#heap[Symbol.iterator]();
  }

  /** `member` must not be in any queue. */
  add(member: T): void {
    member.queue = this;
    this.#see(member);
    this.#heap.push(member);
    this.#up(member, this.#heap.length - 1);
  }

  /** `member` must be in this queue. */
  remove(member: T): void {
    const last = this.#heap.pop();
    member.queue = undefined;
    if (last === undefined || last === member) return;
    this.#up(last, member.queueIndex);
    this.#down(last);
  }

  /** Who is idle longest, if that is since `sinceMs` or longer. Of those idle equally long, who was seen first. */
  longestIdle(sinceMs = Number.POSITIVE_INFINITY): T | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.seenActiveMs > sinceMs) return undefined;
      if (first.lastActiveMs === first.seenActiveMs) return first;
      this.#see(first);
      this.#down(first);
    }
  }

  /** Nobody is idle since before this; `undefined`: nobody is here. */
  get earliestMs(): number | undefined {
    return this.#heap[0]?.seenActiveMs;
  }

  #see(member: T): void {
    member.seenActiveMs = member.lastActiveMs;
    member.seenOrder = this.#order++;
  }

  #up(member: T, from: number): void {
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const other = this.#heap[above];
      if (other === undefined || !isBefore(member, other)) break;
      this.#put(other, index);
      index = above;
    }
    this.#put(member, index);
  }

  #down(member: T): void {
    for (let index = member.queueIndex; ; ) {
      const left = this.#heap[2 * index + 1];
      const right = this.#heap[2 * index + 2];
      const below = left !== undefined && right !== undefined && isBefore(right, left) ? right : left;
      if (below === undefined || !isBefore(below, member)) return;
      const next = below.queueIndex;
      this.#put(below, index);
      this.#put(member, next);
      index = next;
    }
  }

  #put(member: T, index: number): void {
    this.#heap[index] = member;
    member.queueIndex = index;
  }
}

function isBefore<T extends Queued<T>>(one: T, other: T): boolean {
  if (one.seenActiveMs !== other.seenActiveMs) return one.seenActiveMs < other.seenActiveMs;
  return one.seenOrder < other.seenOrder;
}
