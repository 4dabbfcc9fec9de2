import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ip } from '../../src/model/address.ts';
import type { Target } from '../../src/model/target.ts';
import { encodeProxyHeader } from '../../src/relay/proxy-protocol/encode.ts';
import type { Listener } from '../../src/relay/relay.ts';
import { until } from '../support/until.ts';
import { Bench, type ContractEngine, type ContractInit, roomy } from './udp-contract.ts';
import type { Client, Echo } from './udp-peers.ts';
import { RecordingRouter } from './udp-router.ts';

const [one, other] = [
  { address: '203.0.113.9', port: 54_321 },
  { address: '203.0.113.10', port: 54_321 },
];
const behind = { address: '198.51.100.1' as Ip, port: 53 };
/** After this long, changed settings hold for whoever comes. */
const settingsHoldMs = 1_000;
/** The clients of the contract are at 127.77.*. */
const trusted = ['127.77.0.0/16'];

function headerOf(client: { address: string; port: number }, protocol: 'TCP' | 'UDP' = 'UDP'): Buffer {
  return encodeProxyHeader('v2', client, behind, protocol);
}

function named(client: { address: string; port: number }, text: string): Buffer {
  return Buffer.concat([headerOf(client), Buffer.from(text)]);
}

interface Rig {
  readonly bench: Bench;
  readonly router: RecordingRouter;
  readonly listener: Listener;
  readonly echo: Echo;
  readonly target: Target;
  readonly proxy: Client;
  readonly another: () => Promise<Client>;
}

/** Who the flows were said to be of, in the order in which they came. */
function clients(router: RecordingRouter): string[] {
  return [...router.flows.keys()].map(({ clientAddress, clientPort }) => `${clientAddress}:${clientPort}`);
}

const rows: [name: string, run: (rig: Rig) => Promise<void>][] = [
  [
    'a header before each datagram names the client; the payload goes on, and replies to the proxy without a header',
    async ({ bench, router, listener, echo, target, proxy }) => {
      assert.equal(String(await proxy.ask(named(one, 'a'))), 'a');
      assert.equal(String(await proxy.ask(named(one, 'b'))), 'b');
      assert.deepEqual(echo.texts, ['a', 'b']);
      assert.deepEqual(clients(router), ['203.0.113.9:54321']);
      assert.deepEqual(
        [...listener.flows()].map(({ clientAddress }) => clientAddress),
        [one.address],
      );
      await bench.counted(target, { bytesToEndpoint: 2, datagramsToEndpoint: 2 });
    },
  ],
  [
    'many clients behind one port of a proxy, each with a session of its own',
    async ({ router, listener, echo, proxy }) => {
      await proxy.ask(named(one, '1'));
      await proxy.ask(named(other, '2'));
      await proxy.ask(named(one, '3'));
      assert.equal(listener.size, 2);
      const [first, second, third] = echo.received.map(({ from }) => from.port);
      assert.equal(first, third);
      assert.notEqual(first, second);
      assert.deepEqual(clients(router), ['203.0.113.9:54321', '203.0.113.10:54321']);
    },
  ],
  [
    'one client behind two proxies: each proxy gets its own replies',
    async ({ listener, proxy, another }) => {
      const second = await another();
      await proxy.ask(named(one, 'x'));
      await second.ask(named(one, 'y'));
      assert.deepEqual([proxy.texts, second.texts], [['x'], ['y']]);
      assert.equal(listener.size, 2);
    },
  ],
  [
    'a header before the first datagram only: the rest is of the same client',
    async ({ router, echo, proxy }) => {
      await proxy.ask(named(one, 'a'));
      await proxy.ask('b');
      await proxy.ask('');
      assert.deepEqual(echo.texts, ['a', 'b', '']);
      assert.deepEqual(clients(router), ['203.0.113.9:54321']);
    },
  ],
  [
    'what follows a client that was turned away is not taken for another',
    async ({ router, echo, proxy }) => {
      await proxy.ask(named(one, 'a'));
      router.targets = [];
      proxy.say(named(other, 'b'));
      await until(() => router.drops.length === 1, 'it is dropped');
      proxy.say('c');
      await until(() => router.drops.length === 2, 'both are dropped');
      assert.deepEqual(router.drops, ['no-endpoint', 'proxy-header-invalid']);
      assert.deepEqual(echo.texts, ['a']);
    },
  ],
  [
    "without any header, and after the session has ended, datagrams are nobody's",
    async ({ router, listener, echo, proxy }) => {
      proxy.say('who am I?');
      await until(() => router.drops.length === 1, 'it is dropped');
      await proxy.ask(named(one, 'a'));
      listener.cut(() => true, 'endpoint-removed');
      proxy.say('b');
      await until(() => router.drops.length === 2, 'it is dropped, too');
      assert.deepEqual(router.drops, ['proxy-header-invalid', 'proxy-header-invalid']);
      assert.deepEqual(echo.texts, ['a']);
      assert.equal(String(await proxy.ask(named(one, 'c'))), 'c');
    },
  ],
  [
    'malformed and short headers are dropped and counted, also where a client was named before',
    async ({ router, echo, proxy }) => {
      await proxy.ask(named(one, 'a'));
      const good = headerOf(one);
      const spoilt = (at: number, value: number) => {
        const copy = Buffer.from(named(one, 'bad'));
        copy[at] = value;
        return copy;
      };
      const bad = [
        good.subarray(0, 12),
        good.subarray(0, 16),
        good.subarray(0, 27),
        spoilt(12, 0x11),
        spoilt(13, 0x42),
        spoilt(14, 0xff),
        spoilt(15, 11),
      ];
      for (const datagram of bad) proxy.say(datagram);
      await until(() => router.drops.length === bad.length, 'all are dropped');
      assert.deepEqual(new Set(router.drops), new Set(['proxy-header-invalid']));
      await proxy.ask(named(one, 'still there'));
      assert.deepEqual(echo.texts, ['a', 'still there']);
    },
  ],
  [
    'LOCAL, and a header for TCP: the client is the proxy itself',
    async ({ router, echo, proxy }) => {
      await proxy.ask(Buffer.concat([headerOf({ address: '', port: 0 }), Buffer.from('health')]));
      await proxy.ask(Buffer.concat([headerOf(one, 'TCP'), Buffer.from('tcp')]));
      assert.deepEqual(echo.texts, ['health', 'tcp']);
      const self = proxy.socket.address();
      assert.deepEqual(clients(router), [`${self.address}:${self.port}`]);
    },
  ],
  [
    'an empty datagram behind a header',
    async ({ echo, proxy }) => {
      assert.equal((await proxy.ask(headerOf(one))).length, 0);
      assert.deepEqual(echo.texts, ['']);
    },
  ],
  [
    'from anybody else a header is payload, and trust can change while it runs',
    async ({ bench, router, echo, proxy }) => {
      router.udp = { acceptProxyFrom: ['10.0.0.0/8', '::/0'] };
      bench.engine.advance(settingsHoldMs);
      const datagram = named(one, 'x');
      assert.deepEqual(await proxy.ask(datagram), datagram);
      router.udp = { acceptProxyFrom: trusted };
      bench.engine.advance(settingsHoldMs);
      assert.equal(String(await proxy.ask(datagram)), 'x');
      assert.equal(echo.received.length, 2);
      const self = proxy.socket.address();
      assert.deepEqual(clients(router), [`${self.address}:${self.port}`, '203.0.113.9:54321']);
    },
  ],
  [
    'with the named client in the header to the endpoint, where one is sent',
    async ({ router, echo, proxy }) => {
      router.udp = { acceptProxyFrom: trusted, sendProxy: 'v2' };
      await proxy.ask(named(one, 'x'));
      const head = echo.received[0]?.message.subarray(16, 20);
      assert.deepEqual([...(head ?? [])], [203, 0, 113, 9]);
    },
  ],
  [
    'sessions end when they are idle, and their descriptors with them',
    async ({ bench, listener, proxy }) => {
      for (let port = 1; port <= 20; port += 1) await proxy.ask(named({ ...one, port }, `${port}`));
      assert.deepEqual([listener.size, bench.engine.descriptors], [20, 20]);
      bench.engine.advance(32_000);
      assert.deepEqual([listener.size, bench.engine.descriptors], [0, 0]);
    },
  ],
];

/** What every relay engine does with PROXY headers of datagrams. */
export function udpProxyContract(name: string, makeEngine: (init: ContractInit) => ContractEngine): void {
  for (const [row, run] of rows) {
    test(`PROXY protocol over UDP on ${name}: ${row}`, async () => {
      const bench = new Bench(makeEngine(roomy));
      try {
        const { echo, target } = await bench.echo();
        const router = new RecordingRouter(target);
        router.udp = { acceptProxyFrom: trusted };
        const { listener, vip } = await bench.listen(router);
        const proxy = await bench.client(vip);
        await run({ bench, router, listener, echo, target, proxy, another: () => bench.client(vip) });
      } finally {
        await bench.close();
      }
      assert.equal(bench.engine.descriptors, 0);
    });
  }
}
