import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../src/config/units.ts';

const durations: readonly [string, number | undefined][] = [
  ['250ms', 250],
  ['5s', 5_000],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['2d', 172_800_000],
  ['0', 0],
  ['0s', 0],
  ['5', undefined],
  ['', undefined],
  ['5 s', undefined],
  ['-5s', undefined],
  ['5sec', undefined],
  ['s', undefined],
];
for (const [text, ms] of durations) test(`the time "${text}" is ${ms} ms`, () => assert.equal(parseDuration(text), ms));

const sizes: readonly [string, number | undefined][] = [
  ['65536', 65_536],
  ['64KiB', 65_536],
  ['1.5MiB', 1_572_864],
  ['1MB', 1_000_000],
  ['1kB', 1_000],
  ['10B', 10],
  ['1GiB', 1_073_741_824],
  ['64K', undefined],
  ['', undefined],
  ['-1', undefined],
];
for (const [text, bytes] of sizes)
  test(`the size "${text}" is ${bytes} bytes`, () => assert.equal(parseSize(text), bytes));

test('a formatted time is read back as it was', () => {
  fc.assert(fc.property(fc.nat({ max: 2 ** 40 }), (ms) => assert.equal(parseDuration(formatDuration(ms)), ms)));
  assert.equal(formatDuration(Number.POSITIVE_INFINITY), 'off');
  assert.equal(formatDuration(60_000), '1m');
});

test('a formatted size is read back as it was', () => {
  fc.assert(fc.property(fc.nat({ max: 2 ** 40 }), (bytes) => assert.equal(parseSize(formatSize(bytes)), bytes)));
  assert.equal(formatSize(262_144), '256KiB');
});
