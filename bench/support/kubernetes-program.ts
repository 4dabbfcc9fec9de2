/**
 * `kubernetes-program.ts SERVICES ENDPOINTS CHANGES`, with --expose-gc: the Kubernetes feed and a table as the program has
 * them, against a double of the API server in a process of its own; then one endpoint changes, CHANGES times. Prints
 * `{"firstMs": …, "changesMs": […], "heapKib": …, "rssKib": …}`: from the event at the server to the new snapshot, and what
 * the memory of this process grew by for all services.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock.ts';
import { KubeFeed } from '../../src/feed/kubernetes/kube-feed.ts';
import { defaultSettings } from '../../src/model/settings.ts';
import { Table } from '../../src/table/table.ts';

const [services = 5_000, endpoints = 20, changes = 100] = process.argv.slice(2).map(Number);

async function memoryKib() {
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.();
    await delay(100);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapKib: (heapUsed + external) / 1024, rssKib: rss / 1024 };
}

const child = fork(join(import.meta.dirname, 'kubernetes-server.ts'), [`${services}`, `${endpoints}`], {
  execArgv: process.execArgv.filter((argument) => argument !== '--expose-gc'),
});
const [{ url }] = (await once(child, 'message')) as [{ url: string }];
let published = () => {};
const table = new Table({
  settings: defaultSettings,
  schedule: (task) => void setImmediate(task),
  onSnapshot: () => published(),
});
const access = { connection: async () => ({ server: url, options: {} }), renew: () => {} };
const feed = new KubeFeed({ name: 'kubernetes', clock: systemClock, access });
const before = await memoryKib();
const startedAt = performance.now();
await feed.start(table.feed('kubernetes', 0));
table.open();
const firstMs = performance.now() - startedAt;
if (table.snapshot.frontends.size !== services) throw new Error(`${table.snapshot.frontends.size} frontends`);
const after = await memoryKib();
const changesMs: number[] = [];
for (let version = 1; version <= changes; version += 1) {
  const seen = new Promise<void>((resolve) => {
    published = resolve;
  });
  const changedAt = performance.now();
  child.send({ service: (version * 37) % services, version });
  await seen;
  changesMs.push(performance.now() - changedAt);
}
await feed.close();
child.disconnect();
const growth = { heapKib: after.heapKib - before.heapKib, rssKib: after.rssKib - before.rssKib };
process.stdout.write(`${JSON.stringify({ firstMs, changesMs, ...growth })}\n`);
