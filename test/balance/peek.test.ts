import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { AffinityTable } from '../../src/balance/affinity.ts';
import { createPicker } from '../../src/balance/create-picker.ts';
import { type Policy, policies } from '../../src/model/settings.ts';
import type { Target } from '../../src/model/target.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { targetsOf } from '../support/model.ts';

const client = '10.0.0.7';

/** A picker over targets of these weights with these flows, after some picks. */
function pickerAfter(policy: Policy, weights: readonly number[], flows: readonly number[], picks: number) {
  const clock = new FakeClock();
  const targets = targetsOf(weights);
  targets.forEach((target, index) => {
    target.stats.active = flows[index] ?? 0;
  });
  const picker = createPicker(policy, { targets, previous: undefined, random: () => clock.random() });
  const take = (): Target | undefined => {
    const target = picker.pick(client, undefined);
    if (target !== undefined) target.stats.active += 1;
    return target;
  };
  for (let done = 0; done < picks; done += 1) take();
  return { picker, take };
}

const cases = fc.record({
  weights: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 5 }),
  flows: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 5 }),
  picks: fc.nat(7),
  count: fc.integer({ min: 1, max: 8 }),
});

describe('law: what peek says is what the next picks give', () => {
  for (const policy of policies) {
    test(policy, () => {
      fc.assert(
        fc.property(cases, ({ weights, flows, picks, count }) => {
          const { picker, take } = pickerAfter(policy, weights, flows, picks);
          const seen = picker.peek(client, count);
          const taken = Array.from({ length: count }, take).filter((target) => target !== undefined);
          const choices = weights.filter((weight) => weight > 0).length;
          const isChance = policy === 'random' || policy === 'powerOfTwo';
          if (isChance && choices > 1) assert.equal(seen, undefined);
          else assert.deepEqual(seen, taken);
        }),
        { numRuns: policy === 'maglev' ? 20 : 100 },
      );
    });
  }
});

describe('law: peek changes nothing', () => {
  for (const policy of policies) {
    test(policy, () => {
      fc.assert(
        fc.property(cases, ({ weights, flows, picks, count }) => {
          const looked = pickerAfter(policy, weights, flows, picks);
          const left = pickerAfter(policy, weights, flows, picks);
          for (let again = 0; again < 3; again += 1) looked.picker.peek(client, count);
          const keys = ({ take }: typeof looked) => Array.from({ length: 6 }, () => take()?.endpoint.key);
          assert.deepEqual(keys(looked), keys(left));
        }),
        { numRuns: policy === 'maglev' ? 20 : 100 },
      );
    });
  }
});

test('an affinity entry is seen with its remaining time, neither refreshed nor forgotten', () => {
  const [target] = targetsOf([1]);
  assert.ok(target);
  const table = new AffinityTable(10);
  table.assign(client, target, 1_000, 60_000);
  assert.deepEqual(table.peek(client, 11_000, 60_000), { target, remainingMs: 50_000 });
  assert.deepEqual(table.peek(client, 11_000, 60_000), { target, remainingMs: 50_000 });
  assert.equal(table.peek('10.0.0.8', 11_000, 60_000), undefined);
  // Expired for the timeout of now, good again for a longer one.
  assert.equal(table.peek(client, 61_000, 60_000), undefined);
  assert.equal(table.size, 1);
  assert.deepEqual(table.peek(client, 61_000, 70_000), { target, remainingMs: 10_000 });
});
