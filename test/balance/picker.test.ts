import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createPicker } from '../../src/balance/create-picker.ts';
import { policies } from '../../src/model/settings.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { targetsOf } from '../support/model.ts';

/** What every policy promises. */

const scenario = fc.record({
  weights: fc.array(fc.nat(4), { maxLength: 8 }),
  active: fc.array(fc.nat(3), { minLength: 8, maxLength: 8 }),
  clients: fc.array(fc.ipV4(), { minLength: 1, maxLength: 10 }),
  triedMask: fc.nat(255),
  seed: fc.nat(),
});

for (const policy of policies) {
  test(`law: ${policy} picks only targets that have weight and were not tried, if there is one`, () => {
    fc.assert(
      fc.property(scenario, ({ weights, active, clients, triedMask, seed }) => {
        const clock = new FakeClock(seed);
        const targets = targetsOf(weights);
        for (const [index, target] of targets.entries()) target.stats.active = active[index] ?? 0;
        const picker = createPicker(policy, { targets, previous: undefined, random: () => clock.random() });
        const triable = targets.filter((target) => target.endpoint.weight > 0);
        for (const tried of [undefined, targets.filter((_, index) => (triedMask >> index) & 1)]) {
          const allowed = triable.filter((target) => !tried?.includes(target));
          for (const client of clients) {
            const picked = picker.pick(client, tried);
            if (allowed.length === 0) assert.equal(picked, undefined);
            else assert.ok(picked !== undefined && allowed.includes(picked));
          }
        }
      }),
      { numRuns: policy === 'maglev' ? 30 : 100 },
    );
  });

  test(`law: retries of ${policy} reach every target once, then none`, () => {
    const clock = new FakeClock();
    const targets = targetsOf([1, 2, 3, 1]);
    const picker = createPicker(policy, { targets, previous: undefined, random: () => clock.random() });
    const tried = [];
    for (let target = picker.pick('127.0.0.9', undefined); target !== undefined; ) {
      tried.push(target);
      target = picker.pick('127.0.0.9', tried);
    }
    assert.deepEqual(new Set(tried), new Set(targets));
    assert.equal(tried.length, targets.length);
  });

  test(`${policy} takes over from every policy`, () => {
    const targets = targetsOf([1, 1, 2]);
    for (const other of policies) {
      const previous = createPicker(other, { targets, previous: undefined, random: () => 0 });
      const picker = createPicker(policy, { targets, previous, random: () => 0 });
      assert.ok(picker.pick('127.0.0.9', undefined));
    }
  });
}
