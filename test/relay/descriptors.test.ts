import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DescriptorBudget } from '../../src/relay/descriptors.ts';

test('no more is handed out than there is', () => {
  const budget = new DescriptorBudget({ limit: 3, mostWaiting: 0 });
  assert.equal(budget.tryAcquire(2), true);
  assert.equal(budget.tryAcquire(2), false);
  assert.equal(budget.used, 2);
  assert.equal(budget.tryAcquire(1), true);
  budget.release(3);
  assert.equal(budget.used, 0);
});

test('who waits is served in turn, as soon as there is enough for the first', () => {
  const budget = new DescriptorBudget({ limit: 2, mostWaiting: 2 });
  const served: string[] = [];
  budget.tryAcquire(2);
  assert.notEqual(
    budget.wait(2, () => served.push('one')),
    undefined,
  );
  assert.notEqual(
    budget.wait(1, () => served.push('other')),
    undefined,
  );
  assert.equal(
    budget.wait(1, () => served.push('too many')),
    undefined,
  );
  budget.release(1);
  assert.deepEqual(served, []);
  budget.release(1);
  assert.deepEqual([served, budget.used], [['one'], 2]);
  budget.release(2);
  assert.deepEqual([served, budget.used], [['one', 'other'], 1]);
});

test('who gives up waiting is not served', () => {
  const budget = new DescriptorBudget({ limit: 1, mostWaiting: 1 });
  budget.tryAcquire(1);
  const leave = budget.wait(1, () => assert.fail('it had left'));
  leave?.();
  budget.release(1);
  assert.equal(budget.used, 0);
});

test('a larger limit serves who waits; a smaller one takes nothing back', () => {
  const budget = new DescriptorBudget({ limit: 1, mostWaiting: 1 });
  let served = 0;
  budget.tryAcquire(1);
  budget.wait(1, () => {
    served += 1;
  });
  budget.resize(2);
  assert.deepEqual([served, budget.used, budget.limit], [1, 2, 2]);
  budget.resize(1);
  assert.deepEqual([budget.used, budget.tryAcquire(1)], [2, false]);
});
