/** A member of a `LinkedList`. The links belong to the list: only it reads and writes them. */
export interface Linked<T> {
  older: T | undefined;
  newer: T | undefined;
}

/**
 * Members in the order in which they came or were touched last. The links are in the members, so that adding, removing
 * and touching one, which happens for every datagram, allocates nothing and costs the same however many there are.
 *
 * ```
 *   oldest ──newer──► … ──newer──► newest
 * ```
 */
export class LinkedList<T extends Linked<T>> {
  #oldest: T | undefined;
  #newest: T | undefined;

  get oldest(): T | undefined {
    return this.#oldest;
  }

  /** From the oldest to the newest. The member that was given last may be removed meanwhile. */
  *[Symbol.iterator](): Iterator<T> {
    for (let member = this.#oldest; member !== undefined; ) {
      const { newer } = member;
      yield member;
      member = newer;
    }
  }

  /** `member` must not be in any list. */
  add(member: T): void {
    const last = this.#newest;
    member.older = last;
    member.newer = undefined;
    if (last === undefined) this.#oldest = member;
    else last.newer = member;
    this.#newest = member;
  }

  /** `member` must be in this list. */
  remove(member: T): void {
    const { older, newer } = member;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    member.older = undefined;
    member.newer = undefined;
  }

  /** Makes `member`, which must be in this list, its newest. */
  touch(member: T): void {
    if (member === this.#newest) return;
    this.remove(member);
    this.add(member);
  }
}
