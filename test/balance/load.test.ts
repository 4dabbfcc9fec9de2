import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LeastConnections } from '../../src/balance/least-connections.ts';
import { PowerOfTwo } from '../../src/balance/power-of-two.ts';
import { Random } from '../../src/balance/random.ts';
import type { Target } from '../../src/model/target.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { targetsOf } from '../support/model.ts';

const client = '127.0.0.1';
const previous = undefined;

function targetsWith(rows: readonly { weight: number; active: number }[]): readonly Target[] {
  const targets = targetsOf(rows.map((row) => row.weight));
  for (const [index, target] of targets.entries()) target.stats.active = rows[index]?.active ?? 0;
  return targets;
}

/** How often each target is picked. */
function counts(targets: readonly Target[], picks: readonly (Target | undefined)[]): number[] {
  return targets.map((target) => picks.filter((pick) => pick === target).length);
}

const rows: { name: string; targets: { weight: number; active: number }[]; gets: number }[] = [
  {
    name: 'fewest flows',
    targets: [
      { weight: 1, active: 2 },
      { weight: 1, active: 1 },
    ],
    gets: 1,
  },
  {
    name: 'fewest for its weight',
    targets: [
      { weight: 1, active: 1 },
      { weight: 4, active: 3 },
    ],
    gets: 1,
  },
  {
    name: 'the heavier of two that are idle',
    targets: [
      { weight: 1, active: 0 },
      { weight: 2, active: 0 },
    ],
    gets: 1,
  },
  {
    name: 'not the one without weight',
    targets: [
      { weight: 0, active: 0 },
      { weight: 1, active: 9 },
    ],
    gets: 1,
  },
];

for (const { name, targets: given, gets } of rows) {
  test(`least connections and power of two: ${name}`, () => {
    const clock = new FakeClock();
    const targets = targetsWith(given);
    const random = () => clock.random();
    for (const picker of [
      new LeastConnections({ targets, previous, random }),
      new PowerOfTwo({ targets, previous, random }),
    ]) {
      for (let time = 0; time < 5; time += 1) assert.equal(picker.pick(client, undefined), targets[gets]);
    }
  });
}

test('least connections: ties go in turn, and the turn survives a change of the list', () => {
  const [a, b, c] = targetsOf([1, 1, 1]);
  assert.ok(a && b && c);
  const old = new LeastConnections({ targets: [a, b, c], previous, random: () => 0 });
  assert.deepEqual([old.pick(client, undefined), old.pick(client, undefined)], [a, b]);
  const next = new LeastConnections({ targets: [a, c], previous: old, random: () => 0 });
  assert.deepEqual([next.pick(client, undefined), next.pick(client, undefined)], [c, a]);
});

test('law: flows that stay are spread by least connections in proportion to weight, to one flow', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 10 }),
      (weights, times) => {
        const targets = targetsOf(weights);
        const picker = new LeastConnections({ targets, previous, random: () => 0 });
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (let flow = 0; flow < total * times; flow += 1) {
          const target = picker.pick(client, undefined);
          assert.ok(target);
          target.stats.active += 1;
        }
        for (const { endpoint, stats } of targets) assert.ok(Math.abs(stats.active - endpoint.weight * times) <= 1);
      },
    ),
  );
});

test('power of two never picks the busiest, and draws two different ones', () => {
  const clock = new FakeClock();
  const targets = targetsWith([0, 1, 2, 9].map((active) => ({ weight: 1, active })));
  const picker = new PowerOfTwo({ targets, previous, random: () => clock.random() });
  const picks = counts(
    targets,
    Array.from({ length: 1_000 }, () => picker.pick(client, undefined)),
  );
  assert.equal(picks[3], 0);
  const [first = 0, second = 0, third = 0] = picks;
  assert.ok(first > second && second > third && third > 0, `${picks}`);
});

test('random: the chance of each is its share of the weights', () => {
  const clock = new FakeClock();
  const targets = targetsOf([1, 0, 3, 6]);
  const picker = new Random({ targets, previous, random: () => clock.random() });
  const picks = counts(
    targets,
    Array.from({ length: 10_000 }, () => picker.pick(client, undefined)),
  );
  assert.equal(picks[1], 0);
  for (const [index, expected] of [1_000, 0, 3_000, 6_000].entries()) {
    assert.ok(Math.abs((picks[index] ?? 0) - expected) < 250, `${picks}`);
  }
});

test('random: the ends of the range are the first and the last', () => {
  const targets = targetsOf([1, 1, 1]);
  const at = (point: number) => new Random({ targets, previous, random: () => point }).pick(client, undefined);
  assert.deepEqual([at(0), at(0.34), at(1 - 2 ** -53)], [...targets]);
});
