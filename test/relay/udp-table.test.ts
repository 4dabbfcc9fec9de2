import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IdleQueue } from '../../src/relay/idle-queue.ts';
import { type Lane, SessionTable, type TableEntry } from '../../src/relay/udp-table.ts';
import { FakeClock } from '../support/fake-clock.ts';

class Entry implements TableEntry<Entry> {
  readonly client: string;
  readonly lane: Lane<Entry>;
  readonly table: SessionTable<Entry>;
  queue: IdleQueue<Entry> | undefined;
  queueIndex = 0;
  seenActiveMs = 0;
  seenOrder = 0;
  lastActiveMs: number;
  established = false;
  ended: string | undefined;

  constructor(table: SessionTable<Entry>, lane: Lane<Entry>, client = 'a', now = 0) {
    this.lastActiveMs = now;
    this.table = table;
    this.lane = lane;
    this.client = client;
  }

  end(reason: string): void {
    this.ended = reason;
    this.table.remove(this);
  }
}

function setUp(limits: { maxSessions?: number; maxSessionsPerClient?: number } = {}) {
  const clock = new FakeClock();
  const table = new SessionTable<Entry>({ maxSessions: 1e6, maxSessionsPerClient: 1e6, clock, ...limits });
  const add = (lane: Lane<Entry>, client?: string) => {
    const entry = new Entry(table, lane, client, clock.now());
    table.add(entry);
    return entry;
  };
  const established = (lane: Lane<Entry>, client?: string) => {
    const entry = add(lane, client);
    entry.established = true;
    return entry;
  };
  return { clock, table, add, established };
}

test('each lane has its own idle timeout', () => {
  const { clock, table, add } = setUp();
  const short = add(table.openLane(() => 1_000));
  const long = add(table.openLane(() => 60_000));
  const never = add(table.openLane(() => Number.POSITIVE_INFINITY));
  clock.advance(2_000);
  assert.deepEqual([short.ended, long.ended, table.size], ['idle-timeout', undefined, 2]);
  clock.advance(60_000);
  assert.equal(long.ended, 'idle-timeout');
  clock.advance(1e6);
  assert.equal(never.ended, undefined);
});

test('activity puts the end off, for established sessions too', () => {
  const { clock, table, add, established } = setUp();
  const lane = table.openLane(() => 1_000);
  const sessions = [add(lane), established(lane)];
  for (let step = 0; step < 10; step++) {
    clock.advance(900);
    for (const session of sessions) session.lastActiveMs = clock.now();
  }
  assert.equal(table.size, 2);
  clock.advance(1_000 + 20);
  assert.equal(table.size, 0);
});

test('an empty table has no timer', () => {
  const { clock, table, add } = setUp();
  assert.equal(clock.pending, 0);
  const session = add(table.openLane(() => 10_000));
  assert.equal(clock.pending, 1);
  session.end('closed');
  clock.advance(2_000);
  assert.equal(clock.pending, 0);
  add(table.openLane(() => 10_000));
  assert.equal(clock.pending, 1);
});

test('very many that expire together end in several parts', () => {
  const { clock, table, add } = setUp();
  const lane = table.openLane(() => 1_000);
  for (let index = 0; index < 1_200; index++) add(lane);
  clock.advance(1_000);
  assert.equal(table.size, 700);
  clock.advance(40);
  assert.equal(table.size, 0);
});

test('victim: the longest idle of all lanes, those not established first', () => {
  const { clock, table, add, established } = setUp();
  const [one, two] = [table.openLane(() => 30_000), table.openLane(() => 30_000)];
  const oldEstablished = established(one);
  clock.advance(10);
  const first = add(two);
  clock.advance(10);
  const second = add(one);
  assert.equal(table.victim(clock.now()), first);
  first.lastActiveMs = clock.now() + 1;
  assert.equal(table.victim(clock.now()), second);
  first.end('x');
  second.end('x');
  assert.equal(table.victim(14_999), undefined);
  assert.equal(table.victim(15_000), oldEstablished);
});

test('victim: activity in one lane changes the order', () => {
  const { clock, table, add } = setUp();
  const lane = table.openLane(() => 30_000);
  const [first, second] = [add(lane), add(lane)];
  clock.advance(10);
  first.lastActiveMs = clock.now();
  assert.equal(table.victim(clock.now()), second);
});

test('room: a session that has ended is nobody to evict', () => {
  const { table, add } = setUp({ maxSessionsPerClient: 2 });
  const lane = table.openLane(() => 30_000);
  const [gone, first] = [add(lane), add(lane)];
  gone.end('x');
  add(lane);
  assert.deepEqual(table.room('a', 0), { kind: 'evict', victim: first });
});

test('room: per client first, then for all', () => {
  const { clock, table, add, established } = setUp({ maxSessions: 3, maxSessionsPerClient: 2 });
  const lane = table.openLane(() => 30_000);
  assert.equal(table.room('a', 0).kind, 'free');
  const first = add(lane, 'a');
  const second = add(lane, 'a');
  first.lastActiveMs = 5;
  assert.deepEqual(table.room('a', clock.now()), { kind: 'evict', victim: first });
  first.established = true;
  assert.deepEqual(table.room('a', clock.now()), { kind: 'evict', victim: second });
  second.established = true;
  assert.deepEqual(table.room('a', clock.now()), { kind: 'full', reason: 'limit-client' });
  assert.equal(table.room('b', clock.now()).kind, 'free');
  established(lane, 'b');
  assert.deepEqual(table.room('b', clock.now()), { kind: 'full', reason: 'limit-process' });
  first.end('x');
  assert.equal(table.room('a', clock.now()).kind, 'free');
});

test('a closed lane is no longer asked', () => {
  const { table, add } = setUp();
  const lane = table.openLane(() => 30_000);
  add(lane);
  lane.close();
  assert.equal(table.victim(0), undefined);
});
