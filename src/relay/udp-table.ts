import type { Clock, Timer } from '../base/clock.ts';
import { IdleQueue, type Queued } from './idle-queue.ts';

/** What the table knows of a session. */
export interface TableEntry<T extends TableEntry<T>> extends Queued<T> {
  readonly client: string;
  readonly lane: Lane<T>;
  /** Both sides have spoken and one has spoken again. Once true, it stays so; nobody tells the table. */
  readonly established: boolean;
  /** Ends the session. It calls `SessionTable.remove`. */
  end(reason: 'idle-timeout' | 'evicted', by: 'sluice'): void;
}

/** The sessions of one listener. They share one idle timeout, so that only the first of a queue has to be looked at. */
export interface Lane<T extends TableEntry<T>> {
  /** Those that were not established when the table last looked. */
  readonly fresh: IdleQueue<T>;
  readonly established: IdleQueue<T>;
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
const protectedShare = 0.5;
/** The table is swept at least this often while it holds a session. */
const sweepMs = 1_000;
/** How soon it may be swept again: the least delay of a sweep, and the breath between two parts of a long one. */
const shortSweepMs = 20;
/** Ending a session closes a socket: this many at once are about 10 ms. */
const endingsPerSweep = 500;

interface Client<T> {
  count: number;
  /** Those not known to be established, the first made first. */
  readonly fresh: Set<T>;
}

/**
 * The UDP sessions of the whole process, by their last activity.
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
      fresh: new IdleQueue<T>(),
      established: new IdleQueue<T>(),
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
      const victim = firstFresh(mine);
      return victim === undefined ? clientFull : { kind: 'evict', victim };
    }
    if (this.#size < this.#init.maxSessions) return free;
    const victim = this.victim(now);
    return victim === undefined ? processFull : { kind: 'evict', victim };
  }

  /** The session that should go first if one must. Asks every listener: cheap beside the socket that a new session needs. */
  victim(now: number): T | undefined {
    let found: T | undefined;
    for (const lane of this.#lanes) found = longerIdle(found, longestFresh(lane));
    if (found !== undefined) return found;
    for (const lane of this.#lanes) {
      found = longerIdle(found, lane.established.longestIdle(now - protectedShare * lane.idleTimeoutMs));
    }
    return found;
  }

  add(session: T): void {
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

  remove(session: T): void {
    session.queue?.remove(session);
    this.#size -= 1;
    const client = this.#clients.get(session.client);
    if (client === undefined) return;
    client.count -= 1;
    if (client.count === 0) this.#clients.delete(session.client);
    else client.fresh.delete(session);
  }

  readonly #sweep = (now: number): void => {
    let budget = endingsPerSweep;
    let wait = sweepMs;
    for (const lane of this.#lanes) {
      const timeout = lane.idleTimeoutMs;
      for (const queue of [lane.fresh, lane.established]) {
        budget = endExpired(queue, now - timeout, budget);
        if (queue.earliestMs !== undefined) wait = Math.min(wait, queue.earliestMs + timeout - now);
      }
    }
    const delay = Math.max(wait, shortSweepMs);
    this.#timer = this.#size === 0 ? undefined : this.#init.clock.after(delay, this.#sweep);
  };
}

/** The first made of a client's sessions that is not established. */
function firstFresh<T extends TableEntry<T>>({ fresh }: Client<T>): T | undefined {
  for (const session of fresh) {
    if (!session.established) return session;
    fresh.delete(session);
  }
  return undefined;
}

/** The longest idle of those not established; those that are by now are put where they belong. */
function longestFresh<T extends TableEntry<T>>({ fresh, established }: Lane<T>): T | undefined {
  for (;;) {
    const first = fresh.longestIdle();
    if (first === undefined || !first.established) return first;
    fresh.remove(first);
    established.add(first);
  }
}

function longerIdle<T extends TableEntry<T>>(one: T | undefined, other: T | undefined): T | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.lastActiveMs < one.lastActiveMs ? other : one;
}

/** Ends at most `budget` sessions without activity since `sinceMs`; returns what is left of the budget. */
function endExpired<T extends TableEntry<T>>(queue: IdleQueue<T>, sinceMs: number, budget: number): number {
  let left = budget;
  for (; left > 0; left -= 1) {
    const first = queue.longestIdle(sinceMs);
    if (first === undefined) break;
    first.end('idle-timeout', 'sluice');
  }
  return left;
}
