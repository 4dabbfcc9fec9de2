import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ip } from '../../src/model/address.ts';
import { DescriptorBudget } from '../../src/relay/descriptors.ts';
import { NativeEngine } from '../../src/relay/native/engine.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeRouter } from '../support/fake-router.ts';
import { nativeAddon } from '../support/native-addon.ts';
import { backend, client, closedPort, digest, echo } from '../support/sockets.ts';
import { type TcpEngineInit, tcpContract } from './tcp-contract.ts';
import { tcpProxyContract } from './tcp-proxy-contract.ts';

const addon = nativeAddon();
const udpSizes = { maxSessions: 1, maxSessionsPerClient: 1, receiveBufferBytes: 65_536, sendBufferBytes: 65_536 };

/** How many threads relay, and after how many events a flow moves to one. */
const kinds = [
  { name: 'on the event loop', threads: 0, turnsAtHome: 0 },
  { name: 'one thread', threads: 1, turnsAtHome: 0 },
  { name: 'two threads, each flow moves when it has begun', threads: 2, turnsAtHome: 2 },
  { name: 'two threads', threads: 2, turnsAtHome: 8 },
  { name: 'without pipes', threads: 0, mostPipes: 0, bufferBytes: 512 },
];

for (const { name, ...kind } of kinds) {
  if (addon === undefined) break;
  const makeEngine = (init: TcpEngineInit) =>
    new NativeEngine({ ...init, ...kind, addon, tcp: { backlog: 511 }, udp: udpSizes });
  tcpContract(`native, ${name}`, makeEngine);
  tcpProxyContract(`native, ${name}`, makeEngine);

  test(`native, ${name}: TCP_INFO is left for whoever logs, and not asked for otherwise`, async (t) => {
    const { target } = await backend(t, echo);
    const router = new FakeRouter([target]);
    const descriptors = new DescriptorBudget({ limit: 100, mostWaiting: 1 });
    const clock = new FakeClock();
    const engine = makeEngine({ clock, descriptors });
    const port = await closedPort();
    const listener = await engine.listen({ protocol: 'TCP', address: '127.0.0.1' as Ip, port }, router);
    t.after(() => listener.stop().then(() => engine.close()));
    const measured = async (count: number) => {
      const socket = await client(t, port);
      socket.end('x');
      await digest(socket);
      return (await router.ended(count))[count - 1]?.measures;
    };
    const measures = await measured(1);
    assert.ok(measures !== undefined && measures.rttMs > 0 && measures.rttMs < 10_000, JSON.stringify(measures));
    assert.equal(measures.retransmits, 0);
    router.namesClients = false;
    clock.advance(1_000);
    assert.equal(await measured(2), undefined);
  });
}
