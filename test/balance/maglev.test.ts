import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hash32 } from '../../src/balance/hash.ts';
import { Maglev } from '../../src/balance/maglev.ts';
import type { Target } from '../../src/model/target.ts';
import { targetsOf } from '../support/model.ts';

const over = (targets: readonly Target[]) => new Maglev({ targets, previous: undefined, random: () => 0 });
const clients = Array.from({ length: 20_000 }, (_, index) => `10.${index >> 12}.${(index >> 6) & 63}.${index & 63}`);
const pickAll = (targets: readonly Target[]) => {
  const picker = over(targets);
  return clients.map((client) => picker.pick(client, undefined));
};
const equal = (count: number) => targetsOf(Array.from({ length: count }, () => 1));

test('maglev: the same client gets the same target, whatever the order of the list', () => {
  const targets = equal(7);
  assert.deepEqual(
    pickAll(targets).map((target) => target?.endpoint.key),
    pickAll(targets.toReversed()).map((target) => target?.endpoint.key),
  );
});

test('maglev: clients are spread evenly, by weight', () => {
  const targets = targetsOf([1, 2, 0, 5]);
  const picks = pickAll(targets);
  for (const target of targets) {
    const share = picks.filter((pick) => pick === target).length / clients.length;
    assert.ok(Math.abs(share - target.endpoint.weight / 8) < 0.015, `${target.endpoint.weight}: ${share}`);
  }
});

for (const count of [2, 3, 10, 100]) {
  test(`maglev: of ${count} targets one goes or comes, and few of the others' clients move`, () => {
    const targets = equal(count + 1);
    const fewer = targets.slice(0, -1);
    const [more, less] = [pickAll(targets), pickAll(fewer)];
    const gone = targets.at(-1);
    const theirs = more.filter((target) => target !== gone).length;
    const moved = more.filter((target, index) => target !== gone && target !== less[index]).length;
    assert.ok(moved / theirs < 0.04, `${moved} of ${theirs} moved`);
  });
}

test('maglev: a retry goes to one that is the same for the same client', () => {
  const targets = equal(4);
  for (const client of clients.slice(0, 50)) {
    const first = over(targets).pick(client, undefined);
    assert.ok(first);
    const second = over(targets).pick(client, [first]);
    assert.ok(second && second !== first);
    assert.equal(over(targets.toReversed()).pick(client, [first]), second);
  }
});

test('maglev: one that is too light for a place is still the last resort', () => {
  const targets = targetsOf([1e9, 1e9, 1, 1]);
  const picker = over(targets);
  assert.equal(picker.pick('127.0.0.1', targets.slice(0, 2)), targets[2]);
});

test('hash32 spreads addresses that differ in one digit over all bits', () => {
  const hashes = clients.map((client) => hash32(client));
  for (let bit = 0; bit < 32; bit += 1) {
    const ones = hashes.filter((hash) => (hash >>> bit) & 1).length / hashes.length;
    assert.ok(Math.abs(ones - 0.5) < 0.02, `bit ${bit}: ${ones}`);
  }
  assert.ok(new Set(hashes).size > clients.length - 5);
  assert.notEqual(hash32('a', 1), hash32('a', 2));
});
