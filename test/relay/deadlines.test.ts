import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Late } from '../../src/relay/deadlines.ts';
import { Deadlines } from '../../src/relay/deadlines.ts';
import { FakeClock } from '../support/fake-clock.ts';

class Item implements Late<Item> {
  deadlineAt: number | undefined;
  before: Item | undefined;
  after: Item | undefined;
  readonly lateAt: number[] = [];
  readonly #clock: FakeClock;
  onLate = () => {};

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  late(): void {
    this.lateAt.push(this.#clock.now());
    this.onLate();
  }
}

test('a deadline is noticed once, and not before it has passed', () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines<Item>(clock);
  const item = new Item(clock);
  deadlines.set(item, 1_000);
  clock.advance(999);
  assert.deepEqual(item.lateAt, []);
  clock.advance(10_000);
  assert.deepEqual(item.lateAt, [1_000]);
  assert.equal(clock.pending, 0);
});

test('a process that was stopped between a moment that is due and the look: the moment counts', () => {
  const clock = new FakeClock();
  let look = (_asOf: number) => {};
  const after = (_delayMs: number, task: (asOf: number) => void) => {
    look = task;
    return { cancel: () => {} };
  };
  const deadlines = new Deadlines<Item>({ now: () => clock.now(), wallTime: () => 0, random: () => 0, after });
  const item = new Item(clock);
  deadlines.set(item, 100);
  const due = clock.now() + 25;
  clock.advance(10_000);
  look(due);
  assert.deepEqual(item.lateAt, []);
  look(clock.now());
  assert.deepEqual(item.lateAt, [10_000]);
});

test('a deadline that is deleted or moved is not noticed', () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines<Item>(clock);
  const [one, other] = [new Item(clock), new Item(clock)];
  deadlines.set(one, 100);
  deadlines.set(other, 100);
  deadlines.delete(one);
  deadlines.delete(one);
  deadlines.set(other, 500);
  clock.advance(1_000);
  assert.deepEqual([one.lateAt, other.lateAt], [[], [500]]);
});

test('one that is late may set itself again and delete others', () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines<Item>(clock);
  const [again, victim] = [new Item(clock), new Item(clock)];
  deadlines.set(victim, 200);
  deadlines.set(again, 100);
  again.onLate = () => {
    deadlines.delete(victim);
    if (again.lateAt.length < 2) deadlines.set(again, 100);
  };
  clock.advance(1_000);
  assert.deepEqual([again.lateAt, victim.lateAt], [[100, 200], []]);
});

test('one that is late may delete and move others that are late at the same look', () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines<Item>(clock);
  const [deleted, moved, first] = [new Item(clock), new Item(clock), new Item(clock)];
  for (const item of [deleted, moved, first]) deadlines.set(item, 100);
  first.onLate = () => {
    deadlines.delete(deleted);
    deadlines.set(moved, 100);
  };
  clock.advance(1_000);
  assert.deepEqual([first.lateAt, deleted.lateAt, moved.lateAt], [[100], [], [200]]);
});

test('whatever is set and deleted, each item is late at its last deadline or never', () => {
  const action = fc.record({ item: fc.nat(5), set: fc.boolean(), delayMs: fc.integer({ min: 1, max: 40 }) });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const clock = new FakeClock();
      const deadlines = new Deadlines<Item>(clock);
      const items = Array.from({ length: 6 }, () => new Item(clock));
      const due = new Map<Item, number>();
      for (const { item: index, set, delayMs } of actions) {
        const item = items[index];
        if (item === undefined) continue;
        if (set) deadlines.set(item, delayMs * 25);
        else deadlines.delete(item);
        if (set) due.set(item, delayMs * 25);
        else due.delete(item);
      }
      clock.advance(10_000);
      for (const item of items) assert.deepEqual(item.lateAt, due.has(item) ? [due.get(item)] : []);
    }),
  );
});
