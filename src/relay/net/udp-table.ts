import type { Clock, Timer } from '../../base/clock.ts';
import { type Linked, LinkedList } from './linked-list.ts';

/** What the table knows of a session. */
export interface TableEntry<T extends Linked<T>> extends Linked<T> {
  readonly client: string;
  readonly lane: Lane<T>;
  /** On the monotonic clock; the table writes it in `touch`. */
  lastActiveMs: number;
  /** Both sides have spoken and one has spoken again: the table writes it in `establish`. */
  established: boolean;
  /** Ends the session. It calls `SessionTable.remove`. */
  end(reason: 'idle-timeout' | 'evicted', by: 'sluice'): void;
}

/** The sessions of one listener. They share one idle timeout, so the first one of a list is the first to expire. */
export interface Lane<T extends Linked<T>> {
  readonly fresh: LinkedList<T>;
  readonly established: LinkedList<T>;
  /** The timeout that holds now: a live change takes effect at the next sweep. */
  readonly idleTimeoutMs: number;
}

export interface TableInit {
  readonly clock: Clock;
  readonly maxSessions: number;
  readonly maxSessionsPerClient: number;
}

/** Whether one more session of a client may be made, and at whose expense. */
export type Room<T> =
  | { readonly kind: 'free' }
  | { readonly kind: 'evict'; readonly victim: T }
  | { readonly kind: 'full'; readonly reason: 'limit-process' | 'limit-client' };

const free = { kind: 'free' } as const;
const clientFull = { kind: 'full', reason: 'limit-client' } as const;
const processFull = { kind: 'full', reason: 'limit-process' } as const;

/** An established session may be evicted only after this share of its idle timeout has passed in silence. */
export const protectedShare = 0.5;
/** The table is swept at least this often while it holds a session. */
const sweepMs = 1_000;
/** How soon it may be swept again: the least delay of a sweep, and the breath between two parts of a long one. */
const shortSweepMs = 20;
/** Ending a session closes a socket: this many at once are about 10 ms. */
const endingsPerSweep = 500;

interface Client<T> {
  count: number;
  /** Those not yet established, the first made first. */
  readonly fresh: Set<T>;
}

/**
 * The UDP sessions of the whole process, in the order of their last activity.
 *
 * - A session is *established* when both sides have spoken and one of them has spoken again (three datagrams). A flood
 *   from forged addresses does not get there, and a finished question and answer (DNS) has no need to.
 * - Table full: the session that is idle longest among those not established makes room. If all are established, the
 *   one idle longest does, if it was silent for `protectedShare` of its timeout; else the new one is turned away.
 * - One client address over its limit: its own first-made session that is not established makes room, so that a
 *   resolver with a new port for every question goes on working; if all are established, the new one is turned away.
 * - A session ends at most `sweepMs` after its idle timeout. There is one timer, and none when the table is empty.
 */
export class SessionTable<T extends TableEntry<T>> {
  readonly #init: TableInit;
  readonly #lanes = new Set<Lane<T>>();
  readonly #clients = new Map<string, Client<T>>();
  #size = 0;
  #timer: Timer | undefined;

  constructor(init: TableInit) {
    this.#init = init;
  }

  get size(): number {
    return this.#size;
  }

  /** A lane for one listener; `close` it when the listener is gone and its sessions have ended. */
  openLane(idleTimeoutMs: () => number): Lane<T> & { close(): void } {
    const lanes = this.#lanes;
    const lane = {
      fresh: new LinkedList<T>(),
      established: new LinkedList<T>(),
      get idleTimeoutMs() {
        return idleTimeoutMs();
      },
      close: () => void lanes.delete(lane),
    };
    lanes.add(lane);
    return lane;
  }

  room(client: string, now: number): Room<T> {
    const mine = this.#clients.get(client);
    if (mine !== undefined && mine.count >= this.#init.maxSessionsPerClient) {
      const victim = mine.fresh.values().next().value;
      return victim === undefined ? clientFull : { kind: 'evict', victim };
    }
    if (this.#size < this.#init.maxSessions) return free;
    const victim = this.victim(now);
    return victim === undefined ? processFull : { kind: 'evict', victim };
  }

  /** The session that should go first if one must. */
  victim(now: number): T | undefined {
    return this.#longestIdle('fresh') ?? this.#longestIdle('established', now);
  }

  add(session: T, now: number): void {
    session.lastActiveMs = now;
    session.lane.fresh.add(session);
    this.#size += 1;
    const client = this.#clients.get(session.client);
    if (client === undefined) this.#clients.set(session.client, { count: 1, fresh: new Set([session]) });
    else {
      client.count += 1;
      client.fresh.add(session);
    }
    this.#timer ??= this.#init.clock.after(sweepMs, this.#sweep);
  }

  touch(session: T, now: number): void {
    session.lastActiveMs = now;
    (session.established ? session.lane.established : session.lane.fresh).touch(session);
  }

  establish(session: T): void {
    session.lane.fresh.remove(session);
    session.established = true;
    session.lane.established.add(session);
    this.#clients.get(session.client)?.fresh.delete(session);
  }

  remove(session: T): void {
    (session.established ? session.lane.established : session.lane.fresh).remove(session);
    this.#size -= 1;
    const client = this.#clients.get(session.client);
    if (client === undefined) return;
    client.count -= 1;
    if (client.count === 0) this.#clients.delete(session.client);
    else client.fresh.delete(session);
  }

  /** Asks every listener for its first: cheap beside the socket that the new session needs. */
  #longestIdle(list: 'fresh' | 'established', now = Number.POSITIVE_INFINITY): T | undefined {
    let found: T | undefined;
    for (const lane of this.#lanes) {
      const oldest = lane[list].oldest;
      if (oldest === undefined || oldest.lastActiveMs >= (found?.lastActiveMs ?? Number.POSITIVE_INFINITY)) continue;
      if (list === 'fresh' || now - oldest.lastActiveMs >= protectedShare * lane.idleTimeoutMs) found = oldest;
    }
    return found;
  }

  readonly #sweep = (): void => {
    const now = this.#init.clock.now();
    let budget = endingsPerSweep;
    let wait = sweepMs;
    for (const lane of this.#lanes) {
      const timeout = lane.idleTimeoutMs;
      for (const list of [lane.fresh, lane.established]) {
        budget = endExpired(list, now - timeout, budget);
        if (list.oldest !== undefined) wait = Math.min(wait, list.oldest.lastActiveMs + timeout - now);
      }
    }
    const delay = Math.max(wait, shortSweepMs);
    this.#timer = this.#size === 0 ? undefined : this.#init.clock.after(delay, this.#sweep);
  };
}

/** Ends at most `budget` sessions without activity since `sinceMs`; returns what is left of the budget. */
function endExpired<T extends TableEntry<T>>(list: LinkedList<T>, sinceMs: number, budget: number): number {
  let left = budget;
  for (let first = list.oldest; first !== undefined && left > 0; first = list.oldest) {
    if (first.lastActiveMs > sinceMs) break;
    first.end('idle-timeout', 'sluice');
    left -= 1;
  }
  return left;
}
