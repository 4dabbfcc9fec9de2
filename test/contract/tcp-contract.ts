import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as dial } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import type { Clock } from '../../src/base/clock.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { Ip } from '../../src/model/address.ts';
import { defaultSettings, overrideSettings, type SettingsOverride } from '../../src/model/settings.ts';
import { Target } from '../../src/model/target.ts';
import { DescriptorBudget } from '../../src/relay/descriptors.ts';
import type { Listener, RelayEngine } from '../../src/relay/relay.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeRouter } from '../support/fake-router.ts';
import { backend, blackhole, client, closedPort, digest, echo, endOf, endpointAt, hashOf } from '../support/sockets.ts';
import { until } from '../support/until.ts';

export interface TcpEngineInit {
  readonly clock: Clock;
  readonly descriptors: DescriptorBudget;
}

interface Rig {
  readonly router: FakeRouter;
  readonly listener: Listener;
  readonly port: number;
  readonly connect: () => Promise<Socket>;
}

/** On the real clock nobody gives up because this machine is busy. */
export const patient = overrideSettings(defaultSettings, {
  tcp: { connectTimeoutMs: 30_000, connectBudgetMs: 60_000, proxyHeaderTimeoutMs: 60_000 },
});

const vip = '127.33.0.1';
const megabyte = 1024 * 1024;

/** What every relay engine does with TCP. `latitude`: what an engine cannot do, and why. */
export function tcpContract(
  name: string,
  makeEngine: (init: TcpEngineInit) => RelayEngine,
  latitude: { readonly cutAnswers?: string; readonly unreadResets?: string } = {},
): void {
  async function rig(
    t: TestContext,
    targets: readonly Target[],
    init: { clock?: Clock; descriptors?: DescriptorBudget; settings?: SettingsOverride; address?: string } = {},
  ): Promise<Rig> {
    const {
      clock = systemClock,
      descriptors = new DescriptorBudget({ limit: 4000, mostWaiting: 8 }),
      address = vip,
    } = init;
    const router = new FakeRouter(targets);
    router.settings = overrideSettings(clock === systemClock ? patient : defaultSettings, init.settings ?? {});
    const port = await closedPort(address);
    const engine = makeEngine({ clock, descriptors });
    const listener = await engine.listen({ protocol: 'TCP', address: address as Ip, port }, router);
    t.after(async () => {
      listener.cut(() => true, 'shutdown');
      await listener.stop();
      await engine.close();
    });
    return { router, listener, port, connect: () => client(t, port, address) };
  }

  describe(`TCP on ${name}`, () => {
    test('relays both ways at once, byte for byte', async (t) => {
      const { target } = await backend(t, echo);
      const { router, connect } = await rig(t, [target]);
      const sent = randomBytes(8 * megabyte);
      const socket = await connect();
      socket.end(sent);
      assert.deepEqual(await digest(socket), { hash: hashOf(sent), bytes: sent.length });
      const [ending] = await router.ended(1);
      assert.equal(ending?.reason, 'closed');
      assert.equal(ending.by, 'client');
      assert.equal(ending.bytesFromClient, sent.length);
      assert.equal(ending.bytesFromEndpoint, sent.length);
      assert.equal(ending.target, target);
      assert.equal(ending.errorCode, undefined);
      assert.equal(target.stats.bytesToEndpoint, sent.length);
      assert.equal(target.stats.bytesFromEndpoint, sent.length);
    });

    test('keeps small chunks in order while the reader stops and goes', async (t) => {
      const { target, next } = await backend(t);
      const { connect } = await rig(t, [target]);
      const socket = await connect();
      const chunks = Array.from({ length: 3000 }, (_, index) => Buffer.alloc(1 + ((index * 37) % 5000), index));
      for (const chunk of chunks) socket.write(chunk);
      socket.end();
      const endpoint = await next();
      await once(endpoint, 'readable');
      const all = Buffer.concat(chunks);
      assert.deepEqual(await digest(endpoint), { hash: hashOf(all), bytes: all.length });
    });

    test('half-close, client first: the answer that comes after is not lost', async (t) => {
      const { target, next } = await backend(t);
      const { router, connect } = await rig(t, [target]);
      const socket = await connect();
      const question = randomBytes(300_000);
      const answer = randomBytes(3 * megabyte);
      socket.end(question);
      const endpoint = await next();
      assert.deepEqual(await digest(endpoint), { hash: hashOf(question), bytes: question.length });
      endpoint.end(answer);
      assert.deepEqual(await digest(socket), { hash: hashOf(answer), bytes: answer.length });
      assert.equal((await router.ended(1))[0]?.by, 'client');
    });

    test('half-close, endpoint first: what the client still sends is not lost', async (t) => {
      const { target, next } = await backend(t);
      const { router, connect } = await rig(t, [target]);
      const socket = await connect();
      const endpoint = await next();
      endpoint.end('greeting');
      assert.equal((await digest(socket)).bytes, 8);
      const late = randomBytes(2 * megabyte);
      socket.end(late);
      assert.deepEqual(await digest(endpoint), { hash: hashOf(late), bytes: late.length });
      assert.equal((await router.ended(1))[0]?.by, 'endpoint');
    });

    test('no bytes at all: both ends are passed on', async (t) => {
      const { target, next } = await backend(t);
      const { router, connect } = await rig(t, [target]);
      const socket = await connect();
      socket.end();
      const endpoint = await next();
      assert.equal(await endOf(endpoint), 'end');
      endpoint.end();
      assert.equal(await endOf(socket), 'end');
      assert.equal((await router.ended(1))[0]?.reason, 'closed');
    });

    test('a rejected client is reset at once', async (t) => {
      const { router, port } = await rig(t, []);
      assert.equal(await endOf(dial({ port, host: vip })), 'reset');
      const [ending] = await router.ended(1);
      assert.equal(ending?.reason, 'no-endpoint');
      assert.equal(ending.by, 'sluice');
      assert.equal(ending.target, undefined);
    });

    test('connect-refused: another endpoint gets the client with all its early bytes', async (t) => {
      const { target, next } = await backend(t);
      const dead = new Target(endpointAt('127.0.0.1', await closedPort()));
      const { router, port } = await rig(t, [dead, target]);
      const socket = dial({ port, host: vip, allowHalfOpen: true }).on('error', () => {});
      t.after(() => socket.destroy());
      socket.end('early bytes');
      assert.deepEqual(await digest(await next()), { hash: hashOf(Buffer.from('early bytes')), bytes: 11 });
      assert.deepEqual(router.failures, ['connect-refused']);
      assert.deepEqual(router.connections, [target]);
    });

    test('every endpoint refuses: reset, with the last failure', async (t) => {
      const dead = [await closedPort(), await closedPort()].map((port) => new Target(endpointAt('127.0.0.1', port)));
      const { router, port } = await rig(t, dead);
      assert.equal(await endOf(dial({ port, host: vip })), 'reset');
      const [ending] = await router.ended(1);
      assert.equal(ending?.reason, 'connect-failed');
      assert.equal(ending.lastFailure, 'connect-refused');
      assert.equal(ending.lastFailureCode, 'ECONNREFUSED');
      assert.equal(ending.errorCode, undefined);
      assert.deepEqual(router.failures, ['connect-refused', 'connect-refused']);
    });

    test('connect-unreachable: with the name of the error behind it', async (t) => {
      // The broadcast address of loopback: nothing is sent, there is no way to it for TCP.
      const { router, port } = await rig(t, [new Target(endpointAt('127.255.255.255', 80))]);
      assert.equal(await endOf(dial({ port, host: vip })), 'reset');
      const [ending] = await router.ended(1);
      assert.equal(ending?.lastFailure, 'connect-unreachable');
      assert.equal(ending.lastFailureCode, 'ENETUNREACH');
      assert.deepEqual(router.failureCodes, ['ENETUNREACH']);
    });

    test('connect-timeout: another endpoint after the timeout, and nobody else waits', async (t) => {
      const clock = new FakeClock();
      const hole = await blackhole(t);
      const { target } = await backend(t, echo);
      const { router, connect } = await rig(t, [hole, target, target], { clock });
      const stuck = await connect();
      await until(() => router.flows.length === 1, 'the first client is being connected');
      const other = await connect();
      other.end('quick');
      assert.equal((await digest(other)).bytes, 5);
      assert.deepEqual(router.failures, []);
      clock.advance(1_000);
      assert.deepEqual(router.failures, ['connect-timeout']);
      stuck.end('slow');
      assert.equal((await digest(stuck)).bytes, 4);
      const slow = (await router.ended(2)).find(({ lastFailure }) => lastFailure !== undefined);
      assert.equal(slow?.connectMs, 1_000);
      assert.deepEqual([slow.lastFailure, slow.lastFailureCode], ['connect-timeout', undefined]);
    });

    const { unreadResets = false } = latitude;
    test('client-gone: for who resets meanwhile no further endpoint is tried', { skip: unreadResets }, async (t) => {
      const clock = new FakeClock();
      const { target, sockets } = await backend(t, echo);
      const { router, connect } = await rig(t, [await blackhole(t), target], { clock });
      const socket = await connect();
      socket.write('early');
      await until(() => router.flows.length === 1, 'the client is being connected');
      socket.resetAndDestroy();
      await once(socket, 'close');
      clock.advance(1_000);
      const [ending] = await router.ended(1);
      assert.deepEqual([ending?.reason, ending?.by, ending?.lastFailure], ['client-gone', 'client', 'connect-timeout']);
      assert.deepEqual([router.failures.length, sockets.length], [1, 0]);
    });

    test('the budget for all tries ends them', async (t) => {
      const clock = new FakeClock();
      const holes = await Promise.all([blackhole(t), blackhole(t), blackhole(t)]);
      const { router, connect } = await rig(t, holes, { clock, settings: { tcp: { connectBudgetMs: 1_500 } } });
      const socket = await connect();
      await until(() => router.flows.length === 1, 'the client is being connected');
      clock.advance(1_000);
      clock.advance(499);
      assert.equal(router.failures.length, 1);
      clock.advance(1);
      assert.equal(await endOf(socket), 'reset');
      assert.equal((await router.ended(1))[0]?.reason, 'connect-failed');
    });

    test('a reset by the client reaches the endpoint as a reset', async (t) => {
      const { target, next } = await backend(t);
      const { router, connect } = await rig(t, [target]);
      const socket = await connect();
      socket.write('x');
      const endpoint = await next();
      await once(endpoint, 'data');
      socket.resetAndDestroy();
      assert.equal(await endOf(endpoint), 'reset');
      const [ending] = await router.ended(1);
      assert.deepEqual([ending?.reason, ending?.by], ['reset', 'client']);
      assert.match(ending?.errorCode ?? '', /^(ECONNRESET|EPIPE)$/);
    });

    test('a reset by the endpoint reaches the client as a reset', async (t) => {
      const { target, next } = await backend(t);
      const { router, connect } = await rig(t, [target]);
      const socket = await connect();
      const endpoint = await next();
      await until(() => router.connections.length === 1, 'it is connected');
      endpoint.resetAndDestroy();
      assert.equal(await endOf(socket), 'reset');
      const [ending] = await router.ended(1);
      assert.deepEqual([ending?.reason, ending?.by], ['reset', 'endpoint']);
      assert.match(ending?.errorCode ?? '', /^(ECONNRESET|EPIPE)$/);
    });

    test('a reset that comes together with data is a reset', async (t) => {
      const { target, next } = await backend(t);
      const { router, connect } = await rig(t, [target]);
      const socket = await connect();
      const endpoint = await next();
      await until(() => router.connections.length === 1, 'it is connected');
      endpoint.write('half an answer');
      endpoint.resetAndDestroy();
      assert.equal(await endOf(socket), 'reset');
      assert.equal((await router.ended(1))[0]?.reason, 'reset');
    });

    test('a half-closed client: an answer that is cut by a reset does not look whole', {
      skip: latitude.cutAnswers ?? false,
    }, async (t) => {
      const { target, next } = await backend(t);
      const { router, connect } = await rig(t, [target]);
      const socket = await connect();
      socket.end('question');
      const endpoint = await next();
      await endOf(endpoint);
      endpoint.write('half an answer');
      endpoint.resetAndDestroy();
      await router.ended(1);
      assert.deepEqual([router.endings[0]?.reason, router.endings[0]?.by], ['reset', 'endpoint']);
    });

    test('a storm of resets: every flow is closed once', async (t) => {
      const { target } = await backend(t, (socket) => socket.write(randomBytes(50_000)));
      const { router, listener, connect } = await rig(t, [target]);
      const sockets = await Promise.all(Array.from({ length: 200 }, connect));
      await until(() => router.connections.length === 200, 'all are connected');
      for (const socket of sockets) socket.resetAndDestroy();
      assert.equal((await router.ended(200)).length, 200);
      await until(() => listener.size === 0, 'no flow is left');
    });

    test('a reader that stops holds its sender back', async (t) => {
      const { target, next } = await backend(t);
      const { listener, connect } = await rig(t, [target]);
      const socket = await connect();
      socket.pause();
      const endpoint = await next();
      const all = Buffer.alloc(96 * megabyte, 'x');
      endpoint.end(all);
      let before = -1;
      const moved = () => [...listener.flows()][0]?.bytesFromEndpoint ?? 0;
      for (let same = 0; same < 50; same = moved() === before ? same + 1 : 0) {
        before = moved();
        await new Promise((resolve) => setTimeout(resolve, 4));
      }
      assert.ok(before > 0 && before < all.length / 2, `${before} bytes were taken for a client that reads none`);
      assert.equal((await digest(socket)).bytes, all.length);
    });

    test('a connection with bytes on their way can be ended', async (t) => {
      const { target, next } = await backend(t);
      const { router, listener, connect } = await rig(t, [target]);
      const socket = await connect();
      socket.pause();
      const endpoint = await next();
      endpoint.end(Buffer.alloc(64 * megabyte));
      await until(() => ([...listener.flows()][0]?.bytesFromEndpoint ?? 0) > megabyte, 'bytes are on their way');
      listener.cut((which) => which === target, 'endpoint-removed');
      const [ending] = await router.ended(1);
      assert.deepEqual([ending?.reason, ending?.by], ['endpoint-removed', 'sluice']);
      assert.equal(await endOf(socket), 'reset');
    });

    test('idle-timeout: silence both ways ends a connection, a byte starts it anew', async (t) => {
      const clock = new FakeClock();
      const { target } = await backend(t, echo);
      const { router, connect } = await rig(t, [target], { clock, settings: { tcp: { idleTimeoutMs: 60_000 } } });
      const socket = await connect();
      await until(() => router.connections.length === 1, 'it is connected');
      clock.advance(50_000);
      socket.write('x');
      await once(socket, 'data');
      clock.advance(59_000);
      assert.equal(router.endings.length, 0);
      clock.advance(3_000);
      const [ending] = await router.ended(1);
      assert.deepEqual([ending?.reason, ending?.by], ['idle-timeout', 'sluice']);
      assert.equal(await endOf(socket), 'reset');
    });

    test('idle-timeout: bytes that nobody takes are silence, too', async (t) => {
      const clock = new FakeClock();
      const { target, next } = await backend(t);
      const settings = { tcp: { idleTimeoutMs: 60_000 } };
      const { router, listener, connect } = await rig(t, [target], { clock, settings });
      const socket = await connect();
      socket.pause();
      (await next()).end(Buffer.alloc(64 * megabyte));
      await until(() => ([...listener.flows()][0]?.bytesFromEndpoint ?? 0) > megabyte, 'bytes are on their way');
      await until(() => {
        clock.advance(20_000);
        return router.endings.length > 0;
      }, 'it is ended');
      assert.deepEqual([router.endings[0]?.reason, router.endings[0]?.by], ['idle-timeout', 'sluice']);
      assert.equal(await endOf(socket), 'reset');
    });

    test('half-closed-timeout: bounded when the other side neither sends nor finishes', async (t) => {
      const clock = new FakeClock();
      const { target, next } = await backend(t);
      const { router, connect } = await rig(t, [target], { clock, settings: { tcp: { halfClosedTimeoutMs: 10_000 } } });
      const socket = await connect();
      socket.end('x');
      assert.equal(await endOf(await next()), 'end');
      clock.advance(9_000);
      assert.equal(router.endings.length, 0);
      clock.advance(4_000);
      const [ending] = await router.ended(1);
      assert.deepEqual([ending?.reason, ending?.by], ['half-closed-timeout', 'sluice']);
    });

    test('no timeout by default: a silent connection stays', async (t) => {
      const clock = new FakeClock();
      const { target } = await backend(t, echo);
      const { router, connect } = await rig(t, [target], { clock });
      const socket = await connect();
      await until(() => router.connections.length === 1, 'it is connected');
      clock.advance(3_600_000);
      socket.write('still there');
      await once(socket, 'data');
      assert.equal(router.endings.length, 0);
    });

    test('stop: no new clients, the connected ones go on', async (t) => {
      const { target } = await backend(t, echo);
      const { router, listener, port, connect } = await rig(t, [target]);
      const socket = await connect();
      await until(() => router.connections.length === 1, 'it is connected');
      await listener.stop();
      const late = dial({ port, host: vip });
      await assert.rejects(once(late, 'connect'), { code: 'ECONNREFUSED' });
      socket.end('go on');
      assert.equal((await digest(socket)).bytes, 5);
    });

    test('cut ends the flows of one target only', async (t) => {
      const [one, other] = [await backend(t, echo), await backend(t, echo)];
      const { router, listener, connect } = await rig(t, [one.target, other.target]);
      const [first, second] = [await connect(), await connect()];
      await until(() => router.connections.length === 2, 'both are connected');
      const cut = router.connections[0];
      listener.cut((target) => target === cut, 'endpoint-removed');
      assert.equal(await endOf(first), 'reset');
      second.end('alive');
      assert.equal((await digest(second)).bytes, 5);
    });

    test('descriptors-exhausted: clients wait, then are served; too many or too long, and they are refused', async (t) => {
      const clock = new FakeClock();
      const descriptors = new DescriptorBudget({ limit: 5, mostWaiting: 2 });
      const { target } = await backend(t, echo);
      const { router, port, connect } = await rig(t, [target], { clock, descriptors });
      const first = await connect();
      const second = await connect();
      await until(() => router.connections.length === 2, 'two are connected');
      const third = await connect();
      const fourth = await connect();
      third.write('patient');
      await until(() => router.flows.length === 2, 'the others wait');
      const fifth = dial({ port, host: vip });
      assert.equal(await endOf(fifth), 'reset');
      assert.deepEqual(router.refusals, ['descriptors-exhausted']);
      assert.equal(router.connections.length, 2);
      first.end();
      await once(third, 'data');
      clock.advance(6_000);
      assert.equal(await endOf(fourth), 'reset');
      assert.deepEqual(router.refusals, ['descriptors-exhausted', 'descriptors-exhausted']);
      second.end();
      third.end();
      await router.ended(5);
      assert.equal(descriptors.used, 0);
    });

    test('cut ends those who wait for descriptors, too, for its reason', async (t) => {
      const descriptors = new DescriptorBudget({ limit: 3, mostWaiting: 2 });
      const { target } = await backend(t, echo);
      const { router, listener, connect } = await rig(t, [target], { descriptors });
      const first = await connect();
      await until(() => router.connections.length === 1, 'one is connected');
      const second = await connect();
      await until(() => listener.size === 2, 'the other one waits');
      listener.cut((target) => target === undefined, 'frontend-removed');
      assert.equal(await endOf(second), 'reset');
      assert.deepEqual(router.refusals, ['frontend-removed']);
      first.end('alive');
      assert.equal((await digest(first)).bytes, 5);
    });

    test('a taken port is an error with its code; the same port on another VIP is free', async (t) => {
      const { port } = await rig(t, []);
      const engine = makeEngine({
        clock: systemClock,
        descriptors: new DescriptorBudget({ limit: 10, mostWaiting: 0 }),
      });
      const listenOn = (address: string) =>
        engine.listen({ protocol: 'TCP', address: address as Ip, port }, new FakeRouter([]));
      await assert.rejects(listenOn(vip), { code: 'EADDRINUSE' });
      const other = await listenOn('127.33.0.2');
      await other.stop();
      await engine.close();
    });

    test('IPv6', async (t) => {
      const { target } = await backend(t, echo, '::1');
      const { router, connect } = await rig(t, [target], { address: '::1' });
      const socket = await connect();
      socket.end('six');
      assert.equal((await digest(socket)).bytes, 3);
      assert.equal(router.flows[0]?.clientAddress, '::1');
    });

    test('flows() shows who is connected to what', async (t) => {
      const { target } = await backend(t, echo);
      const { listener, connect } = await rig(t, [target]);
      const socket = await connect();
      socket.write('12345');
      await once(socket, 'data');
      const [flow] = [...listener.flows()];
      assert.equal(flow?.clientPort, socket.localPort);
      assert.equal(flow?.target, target);
      assert.deepEqual([flow?.bytesFromClient, flow?.bytesFromEndpoint], [5, 5]);
    });

    test('many connections at once: each gets its own bytes back', async (t) => {
      const { target } = await backend(t, echo);
      const { router, connect } = await rig(t, [target]);
      const one = async () => {
        const sent = randomBytes(1 + Math.trunc(Math.random() * 100_000));
        const socket = await connect();
        socket.end(sent);
        assert.deepEqual(await digest(socket), { hash: hashOf(sent), bytes: sent.length });
      };
      await Promise.all(Array.from({ length: 150 }, one));
      await router.ended(150);
      assert.equal(router.endings.filter(({ reason }) => reason !== 'closed').length, 0);
    });
  });
}
