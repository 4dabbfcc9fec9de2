import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ip } from '../../src/model/address.ts';
import type { ServiceSettings } from '../../src/model/settings.ts';
import { encodeProxyHeader } from '../../src/relay/proxy-protocol/encode.ts';
import type { ListenSpec } from '../../src/relay/relay.ts';
import { until } from '../support/until.ts';
import { cut, TrainPeer, trainsAreMissing } from './train-peer.ts';
import { Bench, type ContractEngine, type ContractInit, roomy } from './udp-contract.ts';
import type { Echo } from './udp-peers.ts';
import { RecordingRouter, targetAt } from './udp-router.ts';

const address = `127.77.${process.pid % 250}.205`;
const behind = { address: '198.51.100.1' as Ip, port: 53 };

/** Bytes of which no two datagrams are the same. */
function bytes(size: number, from = 0): Buffer {
  return Buffer.from(Uint8Array.from({ length: size }, (_, index) => from + index / 7 + index));
}

async function got(echo: Echo, expected: readonly Buffer[]): Promise<void> {
  await until(() => echo.received.length >= expected.length, `${expected.length} datagrams have come`);
  assert.deepEqual(
    echo.received.map(({ message }) => message),
    expected,
  );
}

interface Rig {
  readonly bench: Bench;
  readonly router: RecordingRouter;
  readonly peer: TrainPeer;
  readonly echo: Echo;
  readonly vip: ListenSpec;
}

const rows: [name: string, udp: Partial<ServiceSettings['udp']>, run: (rig: Rig) => Promise<void>][] = [
  [
    'datagrams they are, before and after the session is open',
    {},
    async ({ bench, router, peer, echo, vip }) => {
      const expected: Buffer[] = [];
      for (const [total, size] of [
        [12_100, 1_200],
        [64, 1],
        [1_200, 1_200],
        [500, 1_200],
        [64_800, 1_200],
        [24_000, 1_000],
        [2_801, 1_400],
      ] as const) {
        const train = bytes(total, size);
        await peer.send(vip, train, size);
        expected.push(...cut(train, size));
        await got(echo, expected);
      }
      assert.equal(router.routes.length, 1);
      const [target] = router.targets;
      assert.ok(target);
      await bench.counted(target, {
        datagramsToEndpoint: expected.length,
        bytesToEndpoint: Buffer.concat(expected).length,
      });
    },
  ],
  [
    'replies are datagrams, too, and others are served between them',
    {},
    async ({ bench, router, peer, vip }) => {
      const target = targetAt(address, peer.port);
      router.targets = [target];
      const client = await bench.client(vip);
      const expected: Buffer[] = [];
      for (const [total, size] of [
        [12_100, 1_200],
        [64, 1],
        [64_800, 1_200],
        [900, 1_200],
      ] as const) {
        const train = bytes(total, size);
        expected.push(...cut(train, size));
        client.say('question');
        await peer.answer(train, size);
        await until(() => client.received.length >= expected.length, 'all have come');
      }
      assert.deepEqual(
        client.received.map(({ message }) => message),
        expected,
      );
      await bench.counted(target, {
        datagramsFromEndpoint: expected.length,
        bytesFromEndpoint: Buffer.concat(expected).length,
      });
    },
  ],
  [
    'each gets a PROXY header where one is sent',
    { sendProxy: 'v2' },
    async ({ peer, echo, vip }) => {
      const header = encodeProxyHeader('v2', { address, port: peer.port }, vip, 'UDP');
      const train = bytes(10_300);
      const expected = cut(train, 1_000).map((datagram) => Buffer.concat([header, datagram]));
      await peer.send(vip, train, 1_000);
      await got(echo, expected);
      await peer.send(vip, train, 1_000);
      await got(echo, [...expected, ...expected]);
    },
  ],
  [
    'each is of the client that its PROXY header, or the last one before it, names',
    { acceptProxyFrom: [`${address}/32`] },
    async ({ peer, echo, vip }) => {
      const from = (last: number) =>
        encodeProxyHeader('v2', { address: `203.0.113.${last}` as Ip, port: 5_353 }, behind, 'UDP');
      const rest = bytes(100);
      const train = Buffer.concat([from(1), rest, from(2), rest, bytes(128), from(1), Buffer.from('end')]);
      await peer.send(vip, train, 128);
      await until(() => echo.received.length === 4, 'all have come');
      const texts = (last: number) => {
        const port = echo.received.find(({ message }) => message.equals(Buffer.from('end')))?.from.port;
        return echo.received.filter(({ from }) => (from.port === port) === (last === 1)).map(({ message }) => message);
      };
      assert.deepEqual(texts(1), [rest, Buffer.from('end')]);
      assert.deepEqual(texts(2), [rest, bytes(128)]);
    },
  ],
  [
    'oneway',
    { oneway: true },
    async ({ peer, echo, vip }) => {
      const train = bytes(30_500);
      for (const times of [1, 2]) {
        await peer.send(vip, train, 1_000);
        await got(echo, new Array(times).fill(cut(train, 1_000)).flat());
      }
    },
  ],
];

/** What every relay engine does with datagrams that are sent as one (UDP_SEGMENT, udp(7)): as if each had been sent by itself. */
export function udpTrainsContract(name: string, makeEngine: (init: ContractInit) => ContractEngine): void {
  for (const [row, udp, run] of rows) {
    test(`UDP, ${name}: bursts that are sent as one: ${row}`, { skip: trainsAreMissing() }, async () => {
      const bench = new Bench(makeEngine(roomy));
      const peer = await TrainPeer.at(address);
      try {
        const { echo, target } = await bench.echo();
        echo.echo = false;
        const router = new RecordingRouter(target);
        router.udp = udp;
        const { vip } = await bench.listen(router);
        await run({ bench, router, peer, echo, vip });
      } finally {
        await peer.close();
        await bench.close();
      }
      assert.equal(bench.engine.descriptors, 0);
    });
  }
}
