import type { Target } from '../model/target.ts';

interface Entry {
  readonly client: string;
  target: Target;
  lastUsedMs: number;
  older: Entry | undefined;
  newer: Entry | undefined;
}

/** What a client address would find now. */
export interface AffinityEntry {
  readonly target: Target;
  /** Until it expires, if no further flow of the client comes. */
  readonly remainingMs: number;
}

/** At most this many expired entries go with each new client: more than come, so the table shrinks, without a pause. */
const pruneAtOnce = 2;

/**
 * Which target each client address of one service port got last (`sessionAffinity: ClientIP`). The timeout slides, and
 * is asked for at each call: a change of it holds for entries that exist. Entries are linked in the order of their last
 * use; the order of a `Map` would do, but finding its oldest key steps over everything deleted before it.
 */
export class AffinityTable {
  readonly #maxEntries: number;
  readonly #entries = new Map<string, Entry>();
  #oldest: Entry | undefined;
  #newest: Entry | undefined;

  /** `maxEntries`: beyond it, the client that was not seen for longest loses its entry. */
  constructor(maxEntries: number) {
    this.#maxEntries = Math.max(maxEntries, 1);
  }

  /** Entries that are held; expired ones that no call has met yet are among them. */
  get size(): number {
    return this.#entries.size;
  }

  /** The target that `client` had less than `timeoutMs` ago. Does not refresh it: `assign` does. */
  lookup(client: string, nowMs: number, timeoutMs: number): Target | undefined {
    const entry = this.#entries.get(client);
    if (entry === undefined) return undefined;
    if (nowMs - entry.lastUsedMs < timeoutMs) return entry.target;
    this.#remove(entry);
    return undefined;
  }

  /** The entry of `client` that is still good, and for how long. Unlike `lookup` it forgets nothing. */
  peek(client: string, nowMs: number, timeoutMs: number): AffinityEntry | undefined {
    const entry = this.#entries.get(client);
    if (entry === undefined || nowMs - entry.lastUsedMs >= timeoutMs) return undefined;
    return { target: entry.target, remainingMs: timeoutMs - (nowMs - entry.lastUsedMs) };
  }

  /** A flow of `client` goes to `target` now. */
  assign(client: string, target: Target, nowMs: number, timeoutMs: number): void {
    const known = this.#entries.get(client);
    if (known !== undefined) {
      known.target = target;
      known.lastUsedMs = nowMs;
      if (known === this.#newest) return;
      this.#unlink(known);
      this.#append(known);
      return;
    }
    this.#prune(nowMs, timeoutMs);
    const entry: Entry = { client, target, lastUsedMs: nowMs, older: undefined, newer: undefined };
    this.#entries.set(client, entry);
    this.#append(entry);
  }

  /** Forgets that `client` belongs to `target`, if it does. */
  drop(client: string, target: Target): void {
    const entry = this.#entries.get(client);
    if (entry?.target === target) this.#remove(entry);
  }

  /** Forgets every client whose target has left its service port. Looks at all entries. */
  dropGone(): void {
    for (const entry of this.#entries.values()) if (!entry.target.present) this.#remove(entry);
  }

  clear(): void {
    this.#entries.clear();
    this.#oldest = undefined;
    this.#newest = undefined;
  }

  /** Makes room for one more entry. */
  #prune(nowMs: number, timeoutMs: number): void {
    for (let count = 0; count < pruneAtOnce && this.#oldest !== undefined; count += 1) {
      const full = this.#entries.size >= this.#maxEntries;
      if (!full && nowMs - this.#oldest.lastUsedMs < timeoutMs) return;
      this.#remove(this.#oldest);
    }
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.client);
    this.#unlink(entry);
  }

  #append(entry: Entry): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink(entry: Entry): void {
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
  }
}
