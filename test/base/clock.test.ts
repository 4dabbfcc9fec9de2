import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock.ts';
import { backend, client } from '../support/sockets.ts';
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

/** Keeps the event loop from its next turn for `ms`. */
function hold(ms: number): void {
  const end = systemClock.now() + ms;
  while (systemClock.now() < end);
}

test('a task that is due runs behind what has come in by then, and is told when that was', async (t) => {
  const server = await backend(t);
  const sender = await client(t, server.target.endpoint.port);
  const receiver = await server.next();
  const order: (string | number)[] = [];
  receiver.on('data', () => {
    order.push('bytes', systemClock.now());
    hold(10);
  });
  await nextTurn();
  const begun = systemClock.now();
  systemClock.after(1, (asOf) => order.push('task', asOf));
  sender.write('they are there before the task is due');
  hold(20);
  await until(() => order.length === 4, 'both have come');
  const [bytes, heardAt, task, asOf] = order;
  assert.deepEqual([bytes, task], ['bytes', 'task']);
  assert.ok(begun + 20 <= Number(asOf) && Number(asOf) <= Number(heardAt), `from ${begun}: ${order}`);
});

test('a task that is late by much leaves other threads as long again, a second at most', async () => {
  const lag = async (heldMs: number) => {
    await nextTurn();
    const dueAt = systemClock.now() + 1;
    let toldMs = 0;
    systemClock.after(1, (asOf) => {
      toldMs = asOf - dueAt;
    });
    hold(heldMs);
    const lateMs = systemClock.now() - dueAt;
    await until(() => toldMs > 0, 'the task ran');
    return { lateMs, toldMs };
  };
  const short = await lag(250);
  assert.ok(short.toldMs >= 2 * short.lateMs - 1, JSON.stringify(short));
  const long = await lag(2_500);
  assert.ok(long.lateMs + 999 <= long.toldMs && long.toldMs < 2 * long.lateMs, JSON.stringify(long));
});

test('a task that is late by much is cancelled as any other', async () => {
  let ran = false;
  const timer = systemClock.after(1, () => {
    ran = true;
  });
  await nextTurn();
  hold(150);
  // Behind its timer, before the time that it leaves is over.
  await nextTurn();
  timer.cancel();
  let later = false;
  systemClock.after(300, () => {
    later = true;
  });
  await until(() => later, 'the later task ran');
  assert.equal(ran, false);
});

test('a task that is cancelled by what has come in meanwhile does not run', async (t) => {
  const server = await backend(t);
  const sender = await client(t, server.target.endpoint.port);
  const receiver = await server.next();
  let ran = false;
  const timer = systemClock.after(1, () => {
    ran = true;
  });
  receiver.on('data', () => timer.cancel());
  await nextTurn();
  sender.write('they are there before the task is due');
  hold(50);
  await new Promise<void>((resolve) => systemClock.after(100, () => resolve()));
  assert.equal(ran, false);
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
