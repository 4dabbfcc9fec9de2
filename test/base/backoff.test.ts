import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Backoff } from '../../src/base/backoff.ts';

const delays = (backoff: Backoff, count: number) => Array.from({ length: count }, () => backoff.next());

test('each delay is twice the one before, up to the longest', () => {
  const backoff = new Backoff({ initialMs: 100, maxMs: 1_000, random: () => 0 });
  assert.deepEqual(delays(backoff, 6), [50, 100, 200, 400, 500, 500]);
});

test('after a reset it starts again', () => {
  const backoff = new Backoff({ initialMs: 100, maxMs: 1_000, random: () => 0 });
  delays(backoff, 4);
  backoff.reset();
  assert.equal(backoff.next(), 50);
});

test('a delay is at least half of its ceiling and never above the longest', () => {
  const number = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.array(number, { minLength: 1, maxLength: 2_000 }), (dice) => {
      const backoff = new Backoff({ initialMs: 250, maxMs: 5_000, random: () => dice.shift() ?? 0 });
      for (const delay of delays(backoff, dice.length)) assert.ok(delay >= 125 && delay <= 5_000, `${delay}`);
    }),
  );
});
