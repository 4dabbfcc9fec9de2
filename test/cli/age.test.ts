import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ageSince, formatAge } from '../../src/cli/age.ts';

const s = 1_000;
const m = 60 * s;
const h = 60 * m;
const d = 24 * h;

/** As in `duration_test.go` of k8s.io/apimachinery. */
const rows: [ms: number, expected: string][] = [
  [-5 * s, '0s'],
  [0, '0s'],
  [999, '0s'],
  [70 * s, '70s'],
  [2 * m - s, '119s'],
  [2 * m, '2m'],
  [2 * m + 10 * s, '2m10s'],
  [10 * m - s, '9m59s'],
  [10 * m + s, '10m'],
  [3 * h - m, '179m'],
  [3 * h, '3h'],
  [3 * h + 20 * m, '3h20m'],
  [8 * h - m, '7h59m'],
  [8 * h + m, '8h'],
  [2 * d - h, '47h'],
  [2 * d, '2d'],
  [2 * d + 3 * h, '2d3h'],
  [8 * d - h, '7d23h'],
  [8 * d + h, '8d'],
  [2 * 365 * d - d, '729d'],
  [2 * 365 * d, '2y'],
  [3 * 365 * d + 10 * d, '3y10d'],
  [8 * 365 * d - d, '7y364d'],
  [8 * 365 * d + d, '8y'],
];

describe('ages', () => {
  for (const [ms, expected] of rows) test(expected, () => assert.equal(formatAge(ms), expected));
});

test('the age of a time, and of what is none', () => {
  assert.equal(ageSince('2026-11-22T12:00:00Z', Date.UTC(2026, 10, 22, 12, 5)), '5m');
  assert.equal(ageSince('yesterday', 0), '<unknown>');
});
