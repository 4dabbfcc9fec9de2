import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AffinityTable } from '../../src/balance/affinity.ts';
import type { Target } from '../../src/model/target.ts';
import { targetsOf } from '../support/model.ts';

const [a, b] = targetsOf([1, 1]) as [Target, Target];

test('the timeout slides with each use, and ends on time', () => {
  const table = new AffinityTable(10);
  table.assign('c1', a, 0, 100);
  assert.equal(table.lookup('c1', 99, 100), a);
  table.assign('c1', a, 99, 100);
  assert.equal(table.lookup('c1', 198, 100), a);
  assert.equal(table.lookup('c1', 199, 100), undefined);
  assert.equal(table.size, 0);
  assert.equal(table.lookup('c1', 99, 100), undefined);
});

test('another timeout holds for entries that exist', () => {
  const table = new AffinityTable(10);
  table.assign('c1', a, 0, 1_000);
  assert.equal(table.lookup('c1', 500, 600), a);
  assert.equal(table.lookup('c1', 500, 500), undefined);
});

test('only the entry that points to the failed target is dropped', () => {
  const table = new AffinityTable(10);
  table.assign('c1', a, 0, 100);
  table.drop('c1', b);
  table.drop('c2', a);
  assert.equal(table.lookup('c1', 1, 100), a);
  table.drop('c1', a);
  assert.equal(table.lookup('c1', 1, 100), undefined);
});

test('beyond the bound the client that was not seen for longest goes first', () => {
  const table = new AffinityTable(3);
  for (const [now, client] of ['c1', 'c2', 'c3', 'c1', 'c1', 'c2', 'c4'].entries()) table.assign(client, a, now, 1e9);
  assert.equal(table.size, 3);
  assert.deepEqual(
    ['c1', 'c2', 'c3', 'c4'].filter((client) => table.lookup(client, 10, 1e9)),
    ['c1', 'c2', 'c4'],
  );
});

test('expired entries go twice as fast as new clients come', () => {
  const table = new AffinityTable(1_000);
  for (let client = 0; client < 100; client += 1) table.assign(`old${client}`, a, 0, 10);
  for (let client = 0; client < 50; client += 1) table.assign(`new${client}`, a, 20, 10);
  assert.equal(table.size, 50);
});

test('entries of targets that have left are forgotten together', () => {
  const [stays, leaves] = targetsOf([1, 1]) as [Target, Target];
  const table = new AffinityTable(10);
  for (const [index, target] of [leaves, stays, leaves, leaves].entries()) table.assign(`c${index}`, target, 0, 100);
  leaves.present = false;
  table.dropGone();
  assert.equal(table.size, 1);
  assert.equal(table.lookup('c1', 0, 100), stays);
  table.clear();
  assert.equal(table.size, 0);
});

/** The same table, said as slowly and plainly as possible: a list, the last used at its end. */
class PlainTable {
  entries: { client: string; target: Target; at: number }[] = [];

  find(client: string, now: number, timeout: number): Target | undefined {
    return this.entries.find((entry) => entry.client === client && now - entry.at < timeout)?.target;
  }

  assign(client: string, target: Target, now: number): void {
    this.entries = [...this.entries.filter((entry) => entry.client !== client), { client, target, at: now }];
  }

  drop(client: string, target: Target): void {
    this.entries = this.entries.filter((entry) => entry.client !== client || entry.target !== target);
  }
}

test('law: it answers as the plain table does, as long as there is room', () => {
  const step = fc.record({
    kind: fc.constantFrom('assign', 'lookup', 'drop', 'clear'),
    client: fc.constantFrom('c1', 'c2', 'c3', 'c4', 'c5'),
    target: fc.constantFrom(a, b),
    wait: fc.nat(40),
    timeout: fc.constantFrom(50, 100),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const table = new AffinityTable(5);
      const plain = new PlainTable();
      let now = 0;
      for (const { kind, client, target, wait, timeout } of steps) {
        now += wait;
        if (kind === 'assign') {
          table.assign(client, target, now, 100);
          plain.assign(client, target, now);
        } else if (kind === 'drop') {
          table.drop(client, target);
          plain.drop(client, target);
        } else if (kind === 'clear' && wait > 30) {
          table.clear();
          plain.entries = [];
        } else {
          // A shorter timeout forgets for good what it finds to be over.
          assert.equal(table.lookup(client, now, timeout), plain.find(client, now, timeout));
          plain.entries = plain.entries.filter((entry) => entry.client !== client || now - entry.at < timeout);
        }
        assert.ok(table.size <= 5);
      }
    }),
  );
});

test('law: within the bound the most recent clients are held', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (clients, bound) => {
      const table = new AffinityTable(bound);
      const plain = new PlainTable();
      for (const [now, client] of clients.entries()) {
        table.assign(`c${client}`, a, now, 1e9);
        plain.assign(`c${client}`, a, now);
      }
      const held = plain.entries.slice(-bound).map((entry) => entry.client);
      assert.equal(table.size, held.length);
      for (const client of held) assert.equal(table.lookup(client, clients.length, 1e9), a);
    }),
  );
});
