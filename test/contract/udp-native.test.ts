import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DescriptorBudget } from '../../src/relay/descriptors.ts';
import type { Addon } from '../../src/relay/native/addon.ts';
import { NativeEngine } from '../../src/relay/native/engine.ts';
import { openDescriptors } from '../support/descriptors.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { nativeAddon } from '../support/native-addon.ts';
import { until } from '../support/until.ts';
import { Bench, type ContractEngine, type ContractInit, roomy, udpContract } from './udp-contract.ts';
import { udpProxyContract } from './udp-proxy-contract.ts';
import { RecordingRouter } from './udp-router.ts';
import { udpTrainsContract } from './udp-trains-contract.ts';

interface Kind {
  readonly name: string;
  readonly threads: number;
  readonly rings?: boolean;
}

function nativeEngine(addon: Addon, { threads, rings = true }: Kind, init: ContractInit): ContractEngine {
  const clock = new FakeClock();
  const time = new Float64Array(1);
  const descriptors = new DescriptorBudget({ limit: init.maxDescriptors, mostWaiting: 0 });
  const udp = { ...init, receiveBufferBytes: 1024 * 1024, sendBufferBytes: 1024 * 1024 };
  const engine = new NativeEngine({ addon, clock, time, descriptors, threads, rings, tcp: { backlog: 1 }, udp });
  return {
    listen: (spec, router) => engine.listen(spec, router),
    advance: (ms) => {
      clock.advance(ms);
      time[0] = clock.now();
    },
    get descriptors() {
      return descriptors.used;
    },
    settle: () => engine.settle(),
    close: () => engine.close(),
  };
}

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');
const addon = nativeAddon();

const kinds: readonly Kind[] = [
  { name: 'on the event loop', threads: 0 },
  { name: 'one thread', threads: 1 },
  { name: 'two threads', threads: 2 },
  { name: 'without io_uring', threads: 0, rings: false },
];

/** A sanitizer keeps what was freed, for a while. */
const isSanitized = process.env.SLUICE_ADDON !== undefined;

/** What the process has open, and its resident memory in KiB without the heap of JavaScript. */
function footprint(): { readonly descriptors: number; readonly nativeKiB: number } {
  collectGarbage();
  const { rss, heapTotal } = process.memoryUsage();
  return { descriptors: openDescriptors('self'), nativeKiB: (rss - heapTotal) / 1_024 };
}

for (const kind of kinds) {
  if (addon === undefined) break;
  test(`native, ${kind.name}: sessions that come and go leave no memory and no descriptors behind`, async () => {
    const bench = new Bench(nativeEngine(addon, kind, roomy));
    try {
      const { target } = await bench.echo();
      const { listener, vip } = await bench.listen(new RecordingRouter(target));
      const clients = await Promise.all(Array.from({ length: 100 }, () => bench.client(vip)));
      const wave = async () => {
        await Promise.all(clients.map((client) => client.ask('x')));
        assert.equal(listener.size, 100);
        bench.engine.advance(32_000);
        assert.equal(listener.size, 0);
        for (const client of clients) client.received.length = 0;
      };
      for (let warm = 0; warm < 20; warm += 1) await wave();
      const grownKiB: number[] = [];
      const mostKiB = 4 * 1_024;
      // Node.js grows now and then, what leaks grows each time.
      for (let time = 0; time < 5 && !(Math.min(...grownKiB) < mostKiB); time += 1) {
        const before = footprint();
        for (let count = 0; count < 25; count += 1) await wave();
        await until(() => footprint().descriptors <= before.descriptors, 'their sockets are closed');
        grownKiB.push(footprint().nativeKiB - before.nativeKiB);
      }
      assert.ok(isSanitized || Math.min(...grownKiB) < mostKiB, `${grownKiB} KiB more after 2,500 sessions`);
    } finally {
      await bench.close();
    }
  });

  udpContract(`native, ${kind.name}`, (init) => nativeEngine(addon, kind, init));
  udpProxyContract(`native, ${kind.name}`, (init) => nativeEngine(addon, kind, init));
  udpTrainsContract(`native, ${kind.name}`, (init) => nativeEngine(addon, kind, init));
}
