import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { until } from '../support/until.ts';

test('now never goes back', () => {
  const times = Array.from({ length: 1_000 }, () => systemClock.now());
  assert.deepEqual(
    times,
    times.toSorted((one, other) => one - other),
  );
});

test('the wall time is milliseconds since 1970', () => {
  assert.ok(systemClock.wallTime() > Date.UTC(2024, 0, 1));
});

test('random is in [0, 1)', () => {
  for (let count = 0; count < 1_000; count += 1) {
    const value = systemClock.random();
    assert.ok(value >= 0 && value < 1);
  }
});

test('a task runs once, no earlier than asked', async () => {
  const start = systemClock.now();
  const runs: number[] = [];
  systemClock.after(20, () => runs.push(systemClock.now() - start));
  await until(() => runs.length > 0, 'the task ran');
  assert.equal(runs.length, 1);
  // setTimeout counts whole milliseconds and may be up to one of them early.
  assert.ok((runs[0] ?? 0) >= 19, `${runs[0]}`);
});

test('a cancelled task does not run', async () => {
  let cancelled = false;
  let later = false;
  const timer = systemClock.after(1, () => {
    cancelled = true;
  });
  timer.cancel();
  systemClock.after(5, () => {
    later = true;
  });
  await until(() => later, 'the later task ran');
  assert.equal(cancelled, false);
});

test('a delay that is longer than a timer holds does not fire at once; one below zero does', async () => {
  let long = false;
  let negative = false;
  const timer = systemClock.after(2 ** 40, () => {
    long = true;
  });
  systemClock.after(-5, () => {
    negative = true;
  });
  await until(() => negative, 'the task without delay ran');
  assert.equal(long, false);
  timer.cancel();
});

test('a timer does not keep the process alive', () => {
  const clock = new URL('../../src/base/clock.ts', import.meta.url).href;
  const program = `import { systemClock } from '${clock}'; systemClock.after(60_000, () => {});`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
  assert.equal(spawnSync(process.execPath, args, { timeout: 20_000 }).status, 0);
});
