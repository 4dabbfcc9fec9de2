import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, httpPod } from '../support/pods.ts';
import { startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { a, b, c, configOf, reloads, total, untilPods, vip } from './config.ts';

/** The most reloads, the time that they may take, and how many there are in any case, on a machine that is busy. */
const [most, budgetMs, least] = [1_000, 12_000, 200];

const turns: readonly (readonly string[])[] = [[a, b], [a, b, c], [b, c], [c, a], [a]];
const configAt = (count: number) => configOf([{ backends: turns[count % turns.length] ?? [] }]);

test('reloads without end under load: no request fails, nothing leaks', async (t) => {
  await Promise.all([a, b, c].map((pod) => httpPod(t, pod)));
  // A small heap: what the garbage collector may leave lying about is not taken for a leak, and a leak ends the program.
  const nodeOptions = ['--max-semi-space-size=2', '--max-old-space-size=48'];
  const program = await startProgram(t, { config: configAt(4), nodeOptions });
  const failures: unknown[] = [];
  let requests = 0;
  let isOver = false;
  const client = async () => {
    while (!isOver) {
      await ask(vip).then(
        () => requests++,
        (error: unknown) => failures.push(error),
      );
    }
  };
  const { version: first } = await program.services();
  const reloadUntil = async (from: number, to: number, deadline: number) => {
    let version = (await program.services()).version;
    let count = from;
    for (; count < to && (count < least || performance.now() < deadline); count += 1) {
      await program.configure(configAt(count));
      // The file is noticed by itself; the signal saves the time that is waited for its writer to be done.
      program.signal('SIGHUP');
      const before = version;
      await until(async () => {
        version = (await program.services()).version;
        return version > before;
      }, `reload ${count} is applied`);
    }
    return count;
  };
  const descriptors = program.descriptors();
  const deadline = performance.now() + budgetMs;
  const clients = Promise.all(Array.from({ length: 4 }, client));
  const warm = await reloadUntil(0, least / 2, deadline);
  const rss = program.rssBytes();
  const done = await reloadUntil(warm, most, deadline);
  isOver = true;
  await clients;
  const { version: last } = await program.services();
  t.diagnostic(`${done} reloads, ${last - first} snapshots, ${requests} requests`);

  assert.deepEqual(failures, []);
  assert.ok(requests > 100, `${requests} requests`);
  assert.ok(last - first >= done, 'each was applied');
  assert.ok((await reloads(program, 'config', 'ok')) >= done, 'each was counted');
  assert.equal(await reloads(program, 'config', 'failed'), 0);
  await until(async () => (await total(program, 'sluice_flows_active')) === 0, 'all connections have ended');
  await until(() => program.descriptors() <= descriptors + 2, 'no descriptor is left open');
  const grown = (program.rssBytes() - rss) / 1024 ** 2;
  assert.ok(grown < 32, `${Math.round(grown)} MiB more`);
  const opened = await total(program, 'sluice_flows_opened_total');
  const closed = await total(program, 'sluice_flows_closed_total');
  assert.deepEqual([opened, closed], [requests, requests]);
  await program.configure(configOf([{ backends: [b] }]));
  await untilPods(program, [b]);
});
