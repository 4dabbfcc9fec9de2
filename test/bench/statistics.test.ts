import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { median, pairedRatio, rotated } from '../../bench/support/statistics.ts';

describe('median', () => {
  const rows: [name: string, values: number[], expected: number][] = [
    ['of one', [7], 7],
    ['of three, not in order', [9, 1, 5], 5],
    ['of four: between the two in the middle', [10, 1, 4, 2], 3],
    ['sorts as numbers, not as text', [10, 9, 100], 10],
    ['of none', [], Number.NaN],
  ];
  for (const [name, values, expected] of rows) it(name, () => assert.equal(median(values), expected));

  it('leaves the list as it was', () => {
    const values = [3, 1, 2];
    median(values);
    assert.deepEqual(values, [3, 1, 2]);
  });
});

describe('pairedRatio', () => {
  const rows: [
    name: string,
    values: (number | undefined)[],
    base: (number | undefined)[],
    expected: number | undefined,
  ][] = [
    ['is the median of the rounds, not the ratio of the medians', [2, 30, 4], [1, 10, 4], 2],
    ['leaves out a round without a baseline', [2, 8, 9], [1, undefined, 3], 2.5],
    ['leaves out a round without a value', [undefined, 8], [1, 2], 4],
    ['leaves out a baseline of nothing', [1, 8], [0, 2], 4],
    ['is nothing if no round has both', [1], [], undefined],
  ];
  for (const [name, values, base, expected] of rows) it(name, () => assert.equal(pairedRatio(values, base), expected));

  it('of a list to itself is 1', () => {
    const positive = fc.array(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), { minLength: 1 });
    fc.assert(fc.property(positive, (values) => assert.equal(pairedRatio(values, values), 1)));
  });
});

describe('rotated', () => {
  it('begins one later each round', () => {
    assert.deepEqual(
      [0, 1, 2, 3].map((round) => rotated(['A', 'B', 'C'], round).join('')),
      ['ABC', 'BCA', 'CAB', 'ABC'],
    );
  });
  it('of nothing is nothing', () => assert.deepEqual(rotated([], 2), []));
});
