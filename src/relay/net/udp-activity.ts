/** A member of an `ActivityList`. The links belong to the list: only it reads and writes them. */
export interface Linked<T> {
  older: T | undefined;
  newer: T | undefined;
}

/**
 * Members in the order of their last activity. The links are in the members, so that moving one to the end, which
 * happens once for every datagram, allocates nothing and costs the same however many there are.
 *
 * ```
 *   oldest ──newer──► … ──newer──► newest
 * ```
 */
export class ActivityList<T extends Linked<T>> {
  #oldest: T | undefined;
  #newest: T | undefined;

  get oldest(): T | undefined {
    return this.#oldest;
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
