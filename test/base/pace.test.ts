import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from '../../src/base/pace.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** Items of 4 ms each, in slices of 8 ms. */
function work(items: readonly number[]) {
  const clock = new FakeClock();
  const done: number[] = [];
  const results = new Pace(clock, 8).map(items, (item) => {
    clock.advance(4);
    done.push(item);
    return item * 10;
  });
  return { done, results };
}

test('long work is cut into slices, and comes out whole and in order', async () => {
  const { done, results } = work([1, 2, 3, 4, 5]);
  assert.deepEqual(done, [1, 2]);
  assert.deepEqual(await results, [10, 20, 30, 40, 50]);
});

test('short work is done at once', () => {
  assert.deepEqual(work([1]).done, [1]);
});
