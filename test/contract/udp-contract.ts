import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { parseIp } from '../../src/model/address.ts';
import type { Target, TargetStats } from '../../src/model/target.ts';
import { encodeProxyHeader } from '../../src/relay/proxy-protocol/encode.ts';
import type { Listener, ListenSpec, Router } from '../../src/relay/relay.ts';
import { until } from '../support/until.ts';
import { Client, Echo, freePort } from './udp-peers.ts';
import { RecordingRouter, targetAt } from './udp-router.ts';

export interface ContractInit {
  readonly maxSessions: number;
  readonly maxSessionsPerClient: number;
  readonly maxDescriptors: number;
}

/** A relay engine for UDP under test, with its own limits and a clock that only `advance` moves. */
export interface ContractEngine {
  listen(spec: ListenSpec, router: Router): Promise<Listener>;
  advance(ms: number): void;
  /** Descriptors towards endpoints that are held now. */
  readonly descriptors: number;
  /** See `RelayEngine`. */
  settle(): void;
  close(): Promise<void>;
}

export const roomy: ContractInit = { maxSessions: 1_000, maxSessionsPerClient: 1_000, maxDescriptors: 1_000 };
const net = `127.77.${process.pid % 250}`;
const clientAddress = `${net}.200`;
const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

/** What one row has at hand; all that it opens is closed after it. */
export class Bench {
  readonly engine: ContractEngine;
  readonly #opened: (() => Promise<void>)[] = [];

  constructor(engine: ContractEngine) {
    this.engine = engine;
  }

  async echo(name = '', address = `${net}.10`, port = 0): Promise<{ echo: Echo; target: Target }> {
    const echo = await Echo.named(name, address, port);
    this.#opened.push(() => echo.close());
    return { echo, target: targetAt(address, echo.port) };
  }

  async nobody(address = `${net}.11`): Promise<Target> {
    return targetAt(address, await freePort(address));
  }

  async listen(router: Router, address = `${net}.1`): Promise<{ listener: Listener; vip: ListenSpec }> {
    const ip = parseIp(address);
    assert.ok(ip);
    const vip = { protocol: 'UDP', address: ip, port: await freePort(address) } as const;
    const listener = await this.engine.listen(vip, router);
    this.#opened.push(() => listener.stop());
    return { listener, vip };
  }

  async client(vip: ListenSpec, address = clientAddress): Promise<Client> {
    const client = await Client.of(vip, address);
    this.#opened.push(() => client.close());
    return client;
  }

  /** A session that is past the table's notion of established. */
  async regular(vip: ListenSpec, address = clientAddress): Promise<Client> {
    const client = await this.client(vip, address);
    await client.ask('1');
    await client.ask('2');
    return client;
  }

  /** Waits until that is what the target has carried: an engine may count a little later than it sends. */
  async counted(target: Target, expected: Partial<TargetStats>): Promise<void> {
    const hasCarried = () => {
      this.engine.settle();
      return isDeepStrictEqual({ ...target.stats }, { ...target.stats, ...expected });
    };
    await until(hasCarried, `it has carried ${JSON.stringify(expected)}`);
  }

  async close(): Promise<void> {
    for (const close of this.#opened.reverse()) await close();
    await this.engine.close();
  }
}

type Row = [name: string, init: Partial<ContractInit>, run: (bench: Bench) => Promise<void>];

function same(size: number, count: number): readonly number[] {
  return new Array<number>(count).fill(size);
}

const moving: Row[] = [
  [
    'datagrams go both ways, and the counters say so',
    {},
    async (bench) => {
      const { echo, target } = await bench.echo('a');
      const router = new RecordingRouter(target);
      const { listener, vip } = await bench.listen(router);
      const client = await bench.client(vip);
      assert.equal((await client.ask('hello')).toString(), 'a:hello');
      assert.equal((await client.ask('again')).toString(), 'a:again');
      assert.deepEqual(echo.texts, ['hello', 'again']);
      await bench.counted(target, {
        datagramsToEndpoint: 2,
        datagramsFromEndpoint: 2,
        bytesToEndpoint: 10,
        bytesFromEndpoint: 14,
      });
      assert.equal(router.routes.length, 1);
      assert.equal(router.connects.length, 1);
      const [view] = listener.flows();
      assert.equal(view?.clientAddress, clientAddress);
      assert.equal(view?.clientPort, client.port);
      assert.equal(view?.target, target);
      assert.deepEqual([view?.bytesFromClient, view?.bytesFromEndpoint], [10, 14]);
      listener.cut(() => true, 'frontend-removed');
      assert.deepEqual([router.endings[0]?.bytesFromClient, router.endings[0]?.bytesFromEndpoint], [10, 14]);
    },
  ],
  [
    'datagrams keep their boundaries from 0 to 65,507 bytes',
    {},
    async (bench) => {
      const { target } = await bench.echo();
      const { vip } = await bench.listen(new RecordingRouter(target));
      const client = await bench.client(vip);
      client.socket.setSendBufferSize(256 * 1024);
      for (const size of [0, 1, 1_472, 6_000, 65_507, 0]) {
        const message = Buffer.alloc(size, size % 251);
        assert.deepEqual(await client.ask(message), message, `${size} bytes`);
      }
    },
  ],
  [
    'bursts keep the order and the boundaries of their datagrams, whatever their sizes',
    {},
    async (bench) => {
      const { echo, target } = await bench.echo();
      const { vip } = await bench.listen(new RecordingRouter(target));
      const [client, other] = [await bench.client(vip), await bench.client(vip)];
      await other.ask('');
      const sizes = [
        ...same(1_200, 10),
        500,
        ...same(1_200, 3),
        0,
        0,
        ...same(1_300, 4),
        ...same(20, 90),
        ...same(2_000, 8),
      ];
      for (const more of [[1], sizes, [...sizes, ...same(9_000, 3)], [1_400, 1_200, 1_400, 1_300]]) {
        client.received.length = 0;
        const sent = more.map((size, index) => Buffer.alloc(size, index));
        for (const message of sent) client.say(message);
        await until(() => client.received.length === sent.length, 'all have come back');
        assert.deepEqual(
          client.received.map(({ message }) => message),
          sent,
        );
      }
      assert.equal(other.received.length, 1);
      await bench.counted(target, {
        datagramsToEndpoint: echo.received.length,
        datagramsFromEndpoint: echo.received.length,
      });
    },
  ],
  [
    'datagrams that come before the upstream socket is ready keep their order',
    {},
    async (bench) => {
      const { echo, target } = await bench.echo();
      const { vip } = await bench.listen(new RecordingRouter(target));
      const client = await bench.client(vip);
      const sent = Array.from({ length: 20 }, (_, index) => `${index}`);
      for (const text of sent) client.say(text);
      await until(() => client.received.length === 20, 'all are echoed');
      assert.deepEqual(echo.texts, sent);
      assert.deepEqual(client.texts, sent);
    },
  ],
  [
    'replies come from the VIP and its port',
    {},
    async (bench) => {
      const { target } = await bench.echo();
      const { vip } = await bench.listen(new RecordingRouter(target), `${net}.2`);
      const client = await bench.client(vip);
      await client.ask('who');
      assert.equal(client.received[0]?.from.address, `${net}.2`);
      assert.equal(client.received[0]?.from.port, vip.port);
    },
  ],
  [
    'many clients, each with its own session and its own replies',
    {},
    async (bench) => {
      const { echo, target } = await bench.echo();
      const router = new RecordingRouter(target);
      const { listener, vip } = await bench.listen(router);
      const clients = await Promise.all(Array.from({ length: 50 }, () => bench.client(vip)));
      await Promise.all(clients.map((client, index) => client.ask(`${index}`)));
      for (const [index, client] of clients.entries()) assert.deepEqual(client.texts, [`${index}`]);
      assert.equal(listener.size, 50);
      assert.equal(bench.engine.descriptors, 50);
      assert.equal(new Set(echo.received.map(({ from }) => from.port)).size, 50);
    },
  ],
  [
    'endpoints get sessions in turn, and a session stays with its endpoint',
    {},
    async (bench) => {
      const a = await bench.echo('a');
      const b = await bench.echo('b', `${net}.12`);
      const { vip } = await bench.listen(new RecordingRouter(a.target, b.target));
      for (const expected of ['a', 'b', 'a']) {
        const client = await bench.client(vip);
        for (const text of ['1', '2']) assert.equal((await client.ask(text)).toString(), `${expected}:${text}`);
      }
    },
  ],
  [
    'two listeners are independent',
    {},
    async (bench) => {
      const a = await bench.echo('a');
      const b = await bench.echo('b');
      const first = await bench.listen(new RecordingRouter(a.target), `${net}.1`);
      const second = await bench.listen(new RecordingRouter(b.target), `${net}.2`);
      const client = await bench.client(first.vip);
      assert.equal((await client.ask('x')).toString(), 'a:x');
      client.send('x', second.vip.port, second.vip.address);
      await until(() => client.texts.includes('b:x'), 'the second answers');
      await first.listener.stop();
      assert.equal(second.listener.size, 1);
      client.send('y', second.vip.port, second.vip.address);
      await until(() => client.texts.includes('b:y'), 'the second still answers');
    },
  ],
  [
    'a session whose endpoint is silent does not disturb another',
    {},
    async (bench) => {
      const silent = await bench.echo('silent');
      silent.echo.echo = false;
      const quick = await bench.echo('quick');
      const { vip } = await bench.listen(new RecordingRouter(silent.target, quick.target));
      const slow = await bench.client(vip);
      slow.say('slow');
      await until(() => silent.echo.received.length === 1, 'it has arrived');
      const client = await bench.client(vip);
      for (let index = 0; index < 50; index++) await client.ask(`${index}`);
      silent.echo.answer('late');
      await until(() => slow.received.length === 1, 'the late reply is there');
      assert.equal(client.received.length, 50);
    },
  ],
  [
    'nothing eligible: no session, no answer, a counted drop',
    {},
    async (bench) => {
      const router = new RecordingRouter();
      const { listener, vip } = await bench.listen(router);
      const client = await bench.client(vip);
      client.say('x');
      client.say('y');
      await until(() => router.drops.length === 2, 'both are dropped');
      assert.deepEqual(router.drops, ['no-endpoint', 'no-endpoint']);
      assert.equal(listener.size, 0);
      assert.deepEqual(router.endings, []);
      router.targets = [(await bench.echo('a')).target];
      assert.equal((await client.ask('z')).toString(), 'a:z');
      assert.equal(client.received.length, 1);
    },
  ],
];

const ending: Row[] = [
  [
    'a reply within the idle timeout is delivered, however late',
    {},
    async (bench) => {
      const { echo, target } = await bench.echo();
      echo.echo = false;
      const router = new RecordingRouter(target);
      const { vip } = await bench.listen(router);
      const client = await bench.client(vip);
      client.say('question');
      await until(() => echo.received.length === 1, 'it has arrived');
      bench.engine.advance(29_000);
      echo.answer('answer');
      await until(() => client.received.length === 1 && router.connects.length === 1, 'it is answered');
      assert.equal(router.connects[0]?.connectMs, 29_000);
    },
  ],
  [
    'idle for the timeout: the session ends, and the next datagram makes a new one',
    {},
    async (bench) => {
      const { target } = await bench.echo();
      const router = new RecordingRouter(target);
      const { listener, vip } = await bench.listen(router);
      const client = await bench.client(vip);
      await client.ask('x');
      bench.engine.advance(29_000);
      assert.equal(listener.size, 1);
      bench.engine.advance(2_001);
      assert.equal(listener.size, 0);
      assert.equal(bench.engine.descriptors, 0);
      assert.deepEqual([router.endings[0]?.reason, router.endings[0]?.by], ['idle-timeout', 'sluice']);
      await client.ask('y');
      assert.equal(router.routes.length, 2);
    },
  ],
  [
    'both directions refresh a session',
    {},
    async (bench) => {
      const { echo, target } = await bench.echo();
      const router = new RecordingRouter(target);
      const { listener, vip } = await bench.listen(router);
      const client = await bench.client(vip);
      await client.ask('x');
      bench.engine.advance(20_000);
      echo.answer('from the endpoint');
      await until(() => client.received.length === 2, 'it has come');
      bench.engine.advance(20_000);
      assert.equal(listener.size, 1);
      echo.echo = false;
      client.say('from the client');
      await until(() => echo.received.length === 2, 'it has come');
      bench.engine.advance(20_000);
      assert.equal(listener.size, 1);
      bench.engine.advance(12_000);
      assert.equal(listener.size, 0);
    },
  ],
  [
    'the idle timeout can be changed while sessions live',
    {},
    async (bench) => {
      const { target } = await bench.echo();
      const router = new RecordingRouter(target);
      const { listener, vip } = await bench.listen(router);
      const client = await bench.client(vip);
      await client.ask('x');
      router.udp = { idleTimeoutMs: 100_000 };
      bench.engine.advance(50_000);
      assert.equal(listener.size, 1);
      router.udp = { idleTimeoutMs: 5_000 };
      bench.engine.advance(1_001);
      assert.equal(listener.size, 0);
    },
  ],
  [
    'cut: the session ends at once, its late reply is lost, the next datagram goes to a live endpoint',
    {},
    async (bench) => {
      const a = await bench.echo('a');
      const b = await bench.echo('b');
      const router = new RecordingRouter(a.target);
      const { listener, vip } = await bench.listen(router);
      const client = await bench.client(vip);
      await client.ask('1');
      a.echo.echo = false;
      client.say('2');
      await until(() => a.echo.received.length === 2, 'it has arrived');
      router.targets = [b.target];
      listener.cut((target) => target === b.target, 'endpoint-removed');
      assert.equal(listener.size, 1);
      listener.cut((target) => target === a.target, 'endpoint-removed');
      assert.equal(listener.size, 0);
      assert.equal(router.endings[0]?.reason, 'endpoint-removed');
      a.echo.answer('late');
      assert.equal((await client.ask('3')).toString(), 'b:3');
      assert.deepEqual(client.texts, ['a:1', 'b:3']);
    },
  ],
  [
    'stop: sessions end, and the address can be bound again',
    {},
    async (bench) => {
      const { target } = await bench.echo();
      const router = new RecordingRouter(target);
      const { listener, vip } = await bench.listen(router);
      await assert.rejects(bench.engine.listen(vip, router), { code: 'EADDRINUSE' });
      const client = await bench.client(vip);
      await client.ask('x');
      await listener.stop();
      await listener.stop();
      assert.deepEqual([router.endings[0]?.reason, router.endings[0]?.by], ['shutdown', 'sluice']);
      assert.equal(listener.size, 0);
      assert.equal(bench.engine.descriptors, 0);
      const again = await bench.engine.listen(vip, router);
      await client.ask('y');
      await again.stop();
    },
  ],
];

const failing: Row[] = [
  [
    'ICMP port unreachable before any reply: the same datagram goes to the next endpoint',
    {},
    async (bench) => {
      const dead = await bench.nobody();
      const { target } = await bench.echo('live');
      const router = new RecordingRouter(dead, target);
      const { listener, vip } = await bench.listen(router);
      const client = await bench.client(vip);
      assert.equal((await client.ask('x')).toString(), 'live:x');
      assert.deepEqual(router.failures, [[dead, 'connect-refused']]);
      assert.equal(router.endings.length, 0);
      assert.equal(listener.size, 1);
      assert.equal(bench.engine.descriptors, 1);
    },
  ],
  [
    'ICMP port unreachable later: the session ends, the client goes on elsewhere, other sessions do not notice',
    {},
    async (bench) => {
      const a = await bench.echo('a');
      const b = await bench.echo('b', `${net}.12`);
      const router = new RecordingRouter(a.target, b.target);
      const { listener, vip } = await bench.listen(router);
      const first = await bench.client(vip);
      const second = await bench.client(vip);
      assert.equal((await first.ask('1')).toString(), 'a:1');
      assert.equal((await second.ask('1')).toString(), 'b:1');
      await a.echo.close();
      assert.equal((await first.ask('2')).toString(), 'b:2');
      const refused = router.endings.map(({ reason, by, target, errorCode }) => ({ reason, by, target, errorCode }));
      const error = { reason: 'endpoint-unreachable', by: 'endpoint', errorCode: 'ECONNREFUSED' };
      assert.deepEqual(refused, [{ ...error, target: a.target }]);
      assert.equal((await second.ask('2')).toString(), 'b:2');
      assert.equal(listener.size, 2);
    },
  ],
  [
    'all endpoints unreachable: one try each, then a counted drop',
    {},
    async (bench) => {
      const dead = [await bench.nobody(), await bench.nobody(`${net}.13`)];
      const router = new RecordingRouter(...dead);
      const { listener, vip } = await bench.listen(router);
      const client = await bench.client(vip);
      client.say('x');
      await until(() => router.drops.length === 1, 'it is dropped');
      assert.deepEqual(router.drops, ['connect-failed']);
      assert.equal(router.failures.length, 2);
      const { lastFailure, lastFailureCode, errorCode, target } = router.endings[0] ?? {};
      assert.deepEqual([lastFailure, lastFailureCode, errorCode], ['connect-refused', 'ECONNREFUSED', undefined]);
      assert.equal(target, undefined);
      assert.equal(listener.size, 0);
      assert.equal(bench.engine.descriptors, 0);
    },
  ],
  [
    'a flapping endpoint makes no loop',
    {},
    async (bench) => {
      const { echo, target } = await bench.echo('a');
      const router = new RecordingRouter(target);
      const { vip } = await bench.listen(router);
      const client = await bench.client(vip);
      for (let round = 1, alive = echo; round <= 5; round++) {
        await client.ask('alive');
        await alive.close();
        client.say('dead');
        await until(() => router.drops.length === round, 'it is dropped');
        alive = (await bench.echo('a', `${net}.10`, target.endpoint.port)).echo;
      }
      assert.ok(router.routes.length <= 15, `${router.routes.length} routes`);
      assert.equal(router.open, 0);
    },
  ],
];

const bounded: Row[] = [
  [
    'table full: the session idle longest among those not established makes room',
    { maxSessions: 3 },
    async (bench) => {
      const { target } = await bench.echo();
      const router = new RecordingRouter(target);
      const { listener, vip } = await bench.listen(router);
      const regular = await bench.regular(vip);
      const clients: Client[] = [];
      for (let index = 0; index < 5; index++) {
        bench.engine.advance(10);
        const client = await bench.client(vip);
        await client.ask('x');
        clients.push(client);
      }
      assert.deepEqual(new Set(router.endings.map(({ reason }) => reason)), new Set(['evicted']));
      const left = [...listener.flows()].map(({ clientPort }) => clientPort);
      assert.deepEqual(new Set(left), new Set([regular, ...clients.slice(-2)].map(({ port }) => port)));
    },
  ],
  [
    'table full of established sessions: the new one is turned away until one was silent for half its timeout',
    { maxSessions: 2 },
    async (bench) => {
      const { target } = await bench.echo();
      const router = new RecordingRouter(target);
      const { listener, vip } = await bench.listen(router);
      const quiet = await bench.regular(vip);
      bench.engine.advance(10_000);
      const busy = await bench.regular(vip);
      const late = await bench.client(vip);
      late.say('x');
      await until(() => router.drops.length === 1, 'it is dropped');
      assert.deepEqual(router.drops, ['limit-process']);
      bench.engine.advance(5_000);
      await late.ask('y');
      assert.equal(router.endings.length, 1);
      const left = [...listener.flows()].map(({ clientPort }) => clientPort);
      assert.deepEqual(new Set(left), new Set([busy.port, late.port]));
      assert.ok(!left.includes(quiet.port));
    },
  ],
  [
    'a client that only sends is never established',
    { maxSessions: 1 },
    async (bench) => {
      const { echo, target } = await bench.echo();
      echo.echo = false;
      const router = new RecordingRouter(target);
      const { vip } = await bench.listen(router);
      const client = await bench.client(vip);
      for (let index = 0; index < 5; index++) client.say('flood');
      await until(() => echo.received.length === 5, 'all have come');
      echo.echo = true;
      await (await bench.client(vip)).ask('x');
      assert.deepEqual(router.endings[0]?.reason, 'evicted');
    },
  ],
  [
    'the table is one for all listeners',
    { maxSessions: 2 },
    async (bench) => {
      const { target } = await bench.echo();
      const first = await bench.listen(new RecordingRouter(target), `${net}.1`);
      const second = await bench.listen(new RecordingRouter(target), `${net}.2`);
      for (const vip of [first.vip, second.vip, second.vip]) {
        const client = await bench.client(vip);
        await client.ask('x');
        bench.engine.advance(1);
      }
      assert.deepEqual([first.listener.size, second.listener.size], [0, 2]);
    },
  ],
  [
    'a client over its limit loses its own first session, nobody else does',
    { maxSessionsPerClient: 2 },
    async (bench) => {
      const { target } = await bench.echo();
      const router = new RecordingRouter(target);
      const { listener, vip } = await bench.listen(router);
      const other = await bench.client(vip, `${net}.201`);
      await other.ask('x');
      const mine: Client[] = [];
      for (let index = 0; index < 3; index++) {
        const client = await bench.client(vip);
        await client.ask('x');
        mine.push(client);
      }
      assert.deepEqual(
        router.endings.map(({ reason }) => reason),
        ['evicted'],
      );
      const left = [...listener.flows()].map(({ clientPort }) => clientPort);
      assert.deepEqual(new Set(left), new Set([other, ...mine.slice(1)].map(({ port }) => port)));
    },
  ],
  [
    'a client over its limit with established sessions only is turned away',
    { maxSessionsPerClient: 1 },
    async (bench) => {
      const { target } = await bench.echo();
      const router = new RecordingRouter(target);
      const { vip } = await bench.listen(router);
      await bench.regular(vip);
      const more = await bench.client(vip);
      more.say('x');
      await until(() => router.drops.length === 1, 'it is dropped');
      assert.deepEqual(router.drops, ['limit-client']);
      await (await bench.client(vip, `${net}.201`)).ask('x');
    },
  ],
  [
    'a flood from many ports: table and sockets bounded, the established session survives',
    { maxSessions: 20 },
    async (bench) => {
      const { target, echo } = await bench.echo();
      const router = new RecordingRouter(target);
      const { listener, vip } = await bench.listen(router);
      const regular = await bench.regular(vip);
      echo.echo = false;
      for (let index = 1; index <= 200; index++) {
        const forged = await bench.client(vip, `${net}.202`);
        forged.say('flood');
        await until(() => echo.received.length === index + 2, 'it has been passed on');
        assert.ok(listener.size <= 20 && bench.engine.descriptors <= 20);
        await forged.close();
      }
      echo.echo = true;
      await regular.ask('still here');
      assert.equal(listener.size, 20);
      assert.equal(router.open, 20);
    },
  ],
  [
    'no descriptor left: a session that is not established gives its own, established ones keep theirs',
    { maxDescriptors: 2 },
    async (bench) => {
      const { target } = await bench.echo();
      const router = new RecordingRouter(target);
      const { listener, vip } = await bench.listen(router);
      await bench.regular(vip);
      const passing = await bench.client(vip);
      await passing.ask('x');
      const second = await bench.regular(vip);
      assert.equal(router.endings.at(-1)?.reason, 'evicted');
      const late = await bench.client(vip);
      late.say('x');
      await until(() => router.drops.length === 1, 'it is dropped');
      assert.deepEqual(router.drops, ['descriptors-exhausted']);
      assert.equal(router.endings.at(-1)?.reason, 'descriptors-exhausted');
      await second.ask('still here');
      assert.equal(listener.size, 2);
      assert.equal(bench.engine.descriptors, 2);
    },
  ],
];

const oneway: Row[] = [
  [
    'oneway: every sender has a session, each endpoint one socket',
    {},
    async (bench) => {
      const a = await bench.echo();
      const b = await bench.echo();
      const router = new RecordingRouter(a.target, b.target);
      router.udp = { oneway: true };
      const { listener, vip } = await bench.listen(router);
      for (let index = 0; index < 20; index++) (await bench.client(vip)).say(`${index}`);
      await until(() => a.echo.received.length + b.echo.received.length === 20, 'all have come');
      assert.equal(listener.size, 20);
      assert.equal(bench.engine.descriptors, 2);
      assert.equal(a.echo.received.length, 10);
      assert.equal(new Set(a.echo.received.map(({ from }) => from.port)).size, 1);
      bench.engine.advance(32_000);
      assert.equal(listener.size, 0);
      assert.equal(bench.engine.descriptors, 0);
      assert.deepEqual([router.connects.length, router.endings.length], [20, 20]);
      await bench.counted(a.target, { datagramsToEndpoint: 10 });
    },
  ],
  [
    'oneway: when the endpoint is unreachable all its senders move to another',
    {},
    async (bench) => {
      const a = await bench.echo();
      const router = new RecordingRouter(a.target);
      router.udp = { oneway: true };
      const { listener, vip } = await bench.listen(router);
      const clients = [await bench.client(vip), await bench.client(vip)];
      for (const client of clients) client.say('1');
      await until(() => a.echo.received.length === 2, 'both have come');
      await a.echo.close();
      const b = await bench.echo();
      router.targets = [a.target, b.target];
      for (const client of clients) client.say('2');
      await until(() => b.echo.texts.filter((text) => text === '2').length === 2, 'both have come');
      assert.deepEqual(
        [...listener.flows()].map(({ target }) => target),
        [b.target, b.target],
      );
      assert.equal(bench.engine.descriptors, 1);
    },
  ],
];

/** The header that an endpoint gets: who has sent, and to where. */
function headerOf({ port }: Client, vip: ListenSpec): Buffer {
  return encodeProxyHeader('v2', { address: clientAddress, port }, vip, 'UDP');
}

const proxied: Row[] = [
  [
    'PROXY protocol: a header before every datagram, and none before replies',
    {},
    async (bench) => {
      const { echo, target } = await bench.echo();
      const router = new RecordingRouter(target);
      router.udp = { sendProxy: 'v2' };
      const { vip } = await bench.listen(router);
      const [one, other] = [await bench.client(vip), await bench.client(vip)];
      echo.echo = false;
      for (const [client, text] of [
        [one, 'a'],
        [one, ''],
        [other, 'b'],
      ] as const) {
        const before = echo.received.length;
        client.say(text);
        await until(() => echo.received.length > before, 'it has come');
        const expected = Buffer.concat([headerOf(client, vip), Buffer.from(text)]);
        assert.deepEqual(echo.received.at(-1)?.message, expected);
        echo.answer(`re: ${text}`);
        await until(() => client.texts.includes(`re: ${text}`), 'it is answered');
      }
      await bench.counted(target, { bytesToEndpoint: 2 });
    },
  ],
  [
    'PROXY protocol: the endpoint that is tried next gets it as well, once',
    {},
    async (bench) => {
      const { echo, target } = await bench.echo();
      const router = new RecordingRouter(await bench.nobody(), target);
      router.udp = { sendProxy: 'v2' };
      const { vip } = await bench.listen(router);
      const client = await bench.client(vip);
      client.say('again');
      await until(() => echo.received.length === 1, 'it has come');
      assert.deepEqual(echo.received[0]?.message, Buffer.concat([headerOf(client, vip), Buffer.from('again')]));
      assert.equal(router.failures.length, 1);
    },
  ],
  [
    'PROXY protocol: oneway senders share a socket, each with its own header',
    {},
    async (bench) => {
      const { echo, target } = await bench.echo();
      const router = new RecordingRouter(target);
      router.udp = { oneway: true, sendProxy: 'v2' };
      const { vip } = await bench.listen(router);
      const clients = [await bench.client(vip), await bench.client(vip)];
      for (const client of clients) client.say('line');
      await until(() => echo.received.length === 2, 'both have come');
      assert.equal(bench.engine.descriptors, 1);
      const heads = echo.received.map(({ message }) => message.subarray(0, -4).toString('hex')).sort();
      assert.deepEqual(heads, clients.map((client) => headerOf(client, vip).toString('hex')).sort());
    },
  ],
  [
    'PROXY protocol: a datagram that is too large with its header is dropped and counted',
    {},
    async (bench) => {
      const { target } = await bench.echo();
      const router = new RecordingRouter(target);
      router.udp = { sendProxy: 'v2' };
      const { vip } = await bench.listen(router);
      const client = await bench.client(vip);
      client.say(Buffer.alloc(65_507));
      await until(() => router.drops.length === 1, 'it is dropped');
      assert.deepEqual(router.drops, ['too-large']);
      assert.equal((await client.ask(Buffer.alloc(65_507 - 28))).length, 65_507);
    },
  ],
];

/** Every engine that relays UDP passes this: what a client, an endpoint and the router see. */
export function udpContract(name: string, makeEngine: (init: ContractInit) => ContractEngine): void {
  for (const [row, init, run] of [...moving, ...ending, ...failing, ...bounded, ...oneway, ...proxied]) {
    test(`UDP, ${name}: ${row}`, async () => {
      const bench = new Bench(makeEngine({ ...roomy, ...init }));
      try {
        await run(bench);
      } finally {
        await bench.close();
      }
      assert.equal(bench.engine.descriptors, 0);
    });
  }

  test(`UDP, ${name}: IPv6`, { skip: hasIpv6 ? false : 'this machine has no ::1' }, async () => {
    const bench = new Bench(makeEngine(roomy));
    try {
      const { target } = await bench.echo('six', '::1');
      const { vip } = await bench.listen(new RecordingRouter(target), '::1');
      const client = await bench.client(vip, '::1');
      assert.equal((await client.ask('x')).toString(), 'six:x');
      assert.equal(client.received[0]?.from.address, '::1');
    } finally {
      await bench.close();
    }
  });
}
