import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as dial } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../src/base/clock.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { Ip } from '../../src/model/address.ts';
import { defaultSettings, overrideSettings, type TcpSettings } from '../../src/model/settings.ts';
import type { Frontend } from '../../src/model/snapshot.ts';
import { Target } from '../../src/model/target.ts';
import { DescriptorBudget } from '../../src/relay/descriptors.ts';
import { encodeProxyHeader } from '../../src/relay/proxy-protocol/encode.ts';
import { ProxyHeaderReader } from '../../src/relay/proxy-protocol/reader.ts';
import type { RelayEngine } from '../../src/relay/relay.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeRouter } from '../support/fake-router.ts';
import { backend, blackhole, client, closedPort, digest, echo, endOf, endpointAt, hashOf } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { patient, type TcpEngineInit } from './tcp-contract.ts';

const vip = '127.33.1.1';
const original = { address: '203.0.113.9', port: 54_321 };
const behind = { address: '198.51.100.1' as Ip, port: 443 };
const v1 = encodeProxyHeader('v1', original, behind);
const v2 = encodeProxyHeader('v2', original, behind);
const megabyte = 1024 * 1024;

/** The header at the start of a connection, and what came behind it until its end, or until `least` bytes. */
async function readHeader(socket: Socket, least = 0) {
  const reader = new ProxyHeaderReader();
  for (;;) {
    const chunk = (socket.read() as Buffer | null) ?? Buffer.alloc(0);
    const { decoded, rest } = reader.read(chunk);
    assert.notEqual(decoded.kind, 'invalid');
    if (decoded.kind === 'header' && rest.length >= least) {
      if (rest.length > 0) socket.unshift(rest);
      return decoded.ends;
    }
    await once(socket, 'readable');
  }
}

/** What every relay engine does with the PROXY protocol. */
export function tcpProxyContract(name: string, makeEngine: (init: TcpEngineInit) => RelayEngine): void {
  async function rig(
    t: TestContext,
    targets: readonly Target[],
    tcp: Partial<TcpSettings>,
    { clock = systemClock, address = vip }: { clock?: Clock; address?: string } = {},
  ) {
    const router = new FakeRouter(targets);
    router.settings = overrideSettings(clock === systemClock ? patient : defaultSettings, { tcp });
    const descriptors = new DescriptorBudget({ limit: 1000, mostWaiting: 8 });
    const port = await closedPort(address);
    const spec = { protocol: 'TCP', address: address as Ip, port } as const;
    const engine = makeEngine({ clock, descriptors });
    const listener = await engine.listen(spec, router);
    t.after(async () => {
      listener.cut(() => true, 'shutdown');
      await listener.stop();
      await engine.close();
    });
    return { router, listener, port, descriptors, connect: () => client(t, port, address) };
  }

  /** Clients are trusted proxies. */
  const behindProxies = { acceptProxyFrom: ['127.0.0.0/8'] };

  describe(`PROXY protocol on ${name}: sent to endpoints`, () => {
    for (const version of ['v1', 'v2'] as const) {
      for (const [family, address, host] of [
        ['IPv4', vip, '127.0.0.1'],
        ['IPv6', '::1', '::1'],
      ] as const) {
        test(`${version}, ${family}: before the client's first byte, also if none comes`, async (t) => {
          const { target, next } = await backend(t, undefined, host);
          const { router, port, connect } = await rig(t, [target], { sendProxy: version }, { address });
          const socket = await connect();
          const endpoint = await next();
          assert.deepEqual(await readHeader(endpoint), {
            source: { address: socket.localAddress, port: socket.localPort },
            destination: { address, port },
          });
          endpoint.write('first');
          await once(socket, 'readable');
          const sent = randomBytes(2 * megabyte);
          socket.end(sent);
          assert.deepEqual(await digest(endpoint), { hash: hashOf(sent), bytes: sent.length });
          endpoint.end();
          assert.equal((await digest(socket)).bytes, 5);
          const [ending] = await router.ended(1);
          assert.equal(ending?.reason, 'closed');
          assert.deepEqual([ending.bytesFromClient, target.stats.bytesToEndpoint], [sent.length, sent.length]);
        });
      }
    }

    test('before what the client has sent at once, half-closed as it is', async (t) => {
      const { target, next } = await backend(t);
      const { port } = await rig(t, [target], { sendProxy: 'v2' });
      const socket = dial({ port, host: vip, allowHalfOpen: true });
      t.after(() => socket.destroy());
      const sent = randomBytes(300_000);
      socket.end(sent);
      const endpoint = await next();
      assert.equal((await readHeader(endpoint))?.destination.port, port);
      assert.deepEqual(await digest(endpoint), { hash: hashOf(sent), bytes: sent.length });
      endpoint.end('answer');
      assert.equal((await digest(socket)).bytes, 6);
    });

    test('to the endpoint that is reached, once', async (t) => {
      const { target, next } = await backend(t);
      const dead = new Target(endpointAt('127.0.0.1', await closedPort()));
      const { router, connect } = await rig(t, [dead, target], { sendProxy: 'v1' });
      const socket = await connect();
      socket.end('early');
      const endpoint = await next();
      assert.equal((await readHeader(endpoint))?.source.port, socket.localPort);
      assert.deepEqual(await digest(endpoint), { hash: hashOf(Buffer.from('early')), bytes: 5 });
      assert.deepEqual(router.failures, ['connect-refused']);
    });

    test('with the VIP that the frontend has, wherever it is listened on', async (t) => {
      const { target, next } = await backend(t);
      const { router, connect } = await rig(t, [target], { sendProxy: 'v1' });
      const route = router.route.bind(router);
      router.route = (flow) => {
        flow.frontend = { address: '10.96.0.1', port: 80 } as Frontend;
        return route(flow);
      };
      await connect();
      assert.deepEqual((await readHeader(await next()))?.destination, { address: '10.96.0.1', port: 80 });
    });

    test('with the original client, if it came with one', async (t) => {
      const { target, next } = await backend(t);
      const { port, connect } = await rig(t, [target], { sendProxy: 'v1', ...behindProxies });
      const socket = await connect();
      socket.write(Buffer.concat([v2, Buffer.from('behind it')]));
      const endpoint = await next();
      const ends = await readHeader(endpoint, 9);
      assert.deepEqual(ends, { source: original, destination: { address: vip, port } });
      assert.equal(String(endpoint.read()), 'behind it');
    });

    test('an endpoint that resets at once', async (t) => {
      const { target } = await backend(t, (socket) => socket.resetAndDestroy());
      const { router, listener, port } = await rig(t, [target], { sendProxy: 'v2' });
      const clients = Array.from({ length: 20 }, () => endOf(dial({ port, host: vip })));
      assert.deepEqual(new Set(await Promise.all(clients)), new Set(['reset']));
      await router.ended(20);
      assert.equal(listener.size, 0);
    });
  });

  describe(`PROXY protocol on ${name}: accepted from trusted proxies`, () => {
    for (const [version, head] of [
      ['v1', v1],
      ['v2', v2],
    ] as const) {
      test(`${version}: the client is who it names, and what follows in the same segment is not lost`, async (t) => {
        const { target } = await backend(t, echo);
        const { router, connect } = await rig(t, [target], behindProxies);
        const socket = await connect();
        socket.end(Buffer.concat([head, Buffer.from('hello')]));
        assert.deepEqual(await digest(socket), { hash: hashOf(Buffer.from('hello')), bytes: 5 });
        const [ending] = await router.ended(1);
        assert.deepEqual([ending?.reason, ending?.bytesFromClient, ending?.bytesFromEndpoint], ['closed', 5, 5]);
        assert.equal(target.stats.bytesToEndpoint, 5);
        assert.equal(router.flows[0]?.clientAddress, original.address);
        assert.equal(router.flows[0]?.clientPort, original.port);
      });

      test(`${version}: byte by byte`, async (t) => {
        const { target, sockets } = await backend(t, echo);
        const { router, connect } = await rig(t, [target], behindProxies);
        const socket = await connect();
        socket.setNoDelay(true);
        for (const byte of head) {
          assert.equal(sockets.length, 0);
          assert.equal(router.flows.length, 0);
          socket.write(Buffer.from([byte]));
          await nextTurn();
        }
        socket.end('x');
        assert.equal((await digest(socket)).bytes, 1);
        assert.equal(router.flows[0]?.clientAddress, original.address);
      });

      test(`${version}: megabytes behind it`, async (t) => {
        const { target } = await backend(t, echo);
        const { connect } = await rig(t, [target], { ...behindProxies, sendProxy: 'off' });
        const sent = randomBytes(4 * megabyte);
        const socket = await connect();
        socket.end(Buffer.concat([head, sent]));
        assert.deepEqual(await digest(socket), { hash: hashOf(sent), bytes: sent.length });
      });
    }

    test('the server may speak first', async (t) => {
      const { target } = await backend(t, (socket) => socket.end('welcome'));
      const { connect } = await rig(t, [target], behindProxies);
      const socket = await connect();
      socket.write(v1);
      assert.equal((await digest(socket)).bytes, 7);
    });

    for (const [word, head] of [
      ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n')],
      ['LOCAL', encodeProxyHeader('v2', { address: '', port: 0 }, behind)],
    ] as const) {
      test(`${word}: the client is who has connected`, async (t) => {
        const { target } = await backend(t, echo);
        const { router, connect } = await rig(t, [target], behindProxies);
        const socket = await connect();
        const { localAddress, localPort } = socket;
        socket.end(Buffer.concat([head, Buffer.from('ping')]));
        assert.equal((await digest(socket)).bytes, 4);
        const [flow] = router.flows;
        assert.deepEqual([flow?.clientAddress, flow?.clientPort], [localAddress, localPort]);
      });
    }

    const bad: Record<string, Buffer> = {
      'no header at all': Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      'a wrong v1 header': Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\nGET / HTTP/1.1\r\n\r\n'),
      'a v1 header without an end': Buffer.from(`PROXY TCP4 ${'1'.repeat(5000)}`),
      'a v2 header longer than we take': Buffer.concat([v2.subarray(0, 14), Buffer.alloc(60_000, 0xff)]),
    };
    for (const [what, bytes] of Object.entries(bad)) {
      test(`proxy-header-invalid: ${what}, and no endpoint sees it`, async (t) => {
        const { target, sockets } = await backend(t, echo);
        const { router, port, descriptors } = await rig(t, [target], behindProxies);
        const socket = dial({ port, host: vip });
        socket.write(bytes);
        assert.equal(await endOf(socket), 'reset');
        const [ending] = await router.ended(1);
        assert.deepEqual([ending?.reason, ending?.by, ending?.target], ['proxy-header-invalid', 'sluice', undefined]);
        assert.deepEqual(router.refusals, ['proxy-header-invalid']);
        assert.equal(sockets.length, 0);
        await until(() => descriptors.used === 0, 'its descriptors are free');
      });
    }

    test('proxy-header-invalid: an end in the middle of it', async (t) => {
      const { target, sockets } = await backend(t, echo);
      const { router, connect } = await rig(t, [target], behindProxies);
      const socket = await connect();
      socket.end(v2.subarray(0, 20));
      const [ending] = await router.ended(1);
      assert.deepEqual([ending?.reason, ending?.by], ['proxy-header-invalid', 'client']);
      assert.equal(sockets.length, 0);
    });

    for (const how of ['end', 'resetAndDestroy'] as const) {
      test(`client-gone: ${how} before anything`, async (t) => {
        const { target, sockets } = await backend(t, echo);
        const { router, connect } = await rig(t, [target], behindProxies);
        const socket = await connect();
        socket[how]();
        const [ending] = await router.ended(1);
        assert.deepEqual([ending?.reason, ending?.by], ['client-gone', 'client']);
        assert.equal(sockets.length, 0);
      });
    }

    test('proxy-header-timeout: it counts from the start, however much has come', async (t) => {
      const clock = new FakeClock();
      const { target, sockets } = await backend(t, echo);
      const { router, listener, connect } = await rig(
        t,
        [target],
        { ...behindProxies, proxyHeaderTimeoutMs: 3_000 },
        { clock },
      );
      const [silent, slow] = [await connect(), await connect()];
      await until(() => listener.size === 2, 'both have come');
      for (let at = 0; at < 6; at += 1) {
        slow.write(v1.subarray(at, at + 1));
        await nextTurn();
        clock.advance(499);
      }
      assert.deepEqual(router.refusals, []);
      clock.advance(31);
      assert.deepEqual(router.refusals, ['proxy-header-timeout', 'proxy-header-timeout']);
      assert.deepEqual([await endOf(silent), await endOf(slow)], ['reset', 'reset']);
      assert.equal((await router.ended(2))[0]?.by, 'sluice');
      assert.equal(sockets.length, 0);
    });

    test('a header in time leaves connecting its whole budget', async (t) => {
      const clock = new FakeClock();
      const { target } = await backend(t, echo);
      const { router, listener, connect } = await rig(t, [await blackhole(t), target], behindProxies, { clock });
      const socket = await connect();
      await until(() => listener.size === 1, 'it has come');
      clock.advance(4_900);
      socket.write(v1);
      await until(() => router.flows.length === 1, 'it is being connected');
      clock.advance(1_000);
      socket.end('through');
      assert.equal((await digest(socket)).bytes, 7);
    });

    test('a client that finishes while an endpoint is dialled is served all the same', async (t) => {
      const clock = new FakeClock();
      const { target } = await backend(t, (socket) => socket.end('answer'));
      const { router, port } = await rig(t, [await blackhole(t), target], behindProxies, { clock });
      const sockets = [v1, Buffer.concat([v2, Buffer.from('question')])].map((bytes) =>
        dial({ port, host: vip, allowHalfOpen: true }).end(bytes),
      );
      router.targets = [router.targets[0] as Target, target, target];
      await until(() => router.flows.length === 2, 'both are being connected');
      await nextTurn();
      clock.advance(1_100);
      for (const socket of sockets) assert.equal((await digest(socket)).bytes, 6);
      const endings = await router.ended(2);
      assert.deepEqual(
        endings.map(({ reason }) => reason),
        ['closed', 'closed'],
      );
      assert.deepEqual(endings.map(({ bytesFromClient }) => bytesFromClient).sort(), [0, 8]);
    });

    test('rejected after its header: reset', async (t) => {
      const { router, port } = await rig(t, [], behindProxies);
      const socket = dial({ port, host: vip });
      socket.write(Buffer.concat([v1, Buffer.from('question')]));
      assert.equal(await endOf(socket), 'reset');
      assert.equal((await router.ended(1))[0]?.reason, 'no-endpoint');
      assert.deepEqual(router.refusals, []);
    });

    test('can be cut while its header is waited for', async (t) => {
      const { target } = await backend(t, echo);
      const { router, listener, connect } = await rig(t, [target], behindProxies);
      const socket = await connect();
      socket.write('PROX');
      await until(() => listener.size === 1, 'it has come');
      listener.cut(() => true, 'shutdown');
      assert.equal(await endOf(socket), 'reset');
      assert.equal((await router.ended(1))[0]?.reason, 'shutdown');
    });

    test('from anybody else the header is payload', async (t) => {
      const { target } = await backend(t, echo);
      const { router, connect } = await rig(t, [target], { acceptProxyFrom: ['10.0.0.0/8', '127.99.0.0/16', '::/0'] });
      const socket = await connect();
      socket.end(v1);
      assert.deepEqual(await digest(socket), { hash: hashOf(v1), bytes: v1.length });
      assert.equal(router.flows[0]?.clientAddress, '127.0.0.1');
    });

    test('many at once, cut anywhere: each gets its own bytes back', async (t) => {
      const { target } = await backend(t, echo);
      const { router, connect } = await rig(t, [target], behindProxies);
      const one = async (index: number) => {
        const sent = randomBytes(1 + Math.trunc(Math.random() * 100_000));
        const all = Buffer.concat([index % 2 === 0 ? v1 : v2, sent]);
        const cut = Math.trunc(Math.random() * Math.min(all.length, 100));
        const socket = await connect();
        socket.write(all.subarray(0, cut));
        await nextTurn();
        socket.end(all.subarray(cut));
        assert.deepEqual(await digest(socket), { hash: hashOf(sent), bytes: sent.length });
      };
      await Promise.all(Array.from({ length: 100 }, (_, index) => one(index)));
      const endings = await router.ended(100);
      assert.equal(endings.filter(({ reason }) => reason !== 'closed').length, 0);
    });
  });
}
