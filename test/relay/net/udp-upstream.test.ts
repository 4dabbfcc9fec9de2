import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Target } from '../../../src/model/target.ts';
import { DescriptorBudget } from '../../../src/relay/descriptors.ts';
import { HeldBytes } from '../../../src/relay/net/udp-held.ts';
import { listenUdp } from '../../../src/relay/net/udp-listener.ts';
import { OnewayUpstreams } from '../../../src/relay/net/udp-oneway.ts';
import { NetUdpShared } from '../../../src/relay/net/udp-shared.ts';
import { maxQueued, SocketUpstream, type Upstream, type UpstreamUser } from '../../../src/relay/net/udp-upstream.ts';
import { Client, Echo, freePort, Peer } from '../../contract/udp-peers.ts';
import { RecordingRouter, targetAt } from '../../contract/udp-router.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { ip } from '../../support/model.ts';
import { until } from '../../support/until.ts';

const net = `127.80.${process.pid % 250}`;

function setUp() {
  const clock = new FakeClock();
  const descriptors = new DescriptorBudget({ limit: 100, mostWaiting: 0 });
  const sizes = { maxSessions: 100, maxSessionsPerClient: 100, receiveBufferBytes: 2 ** 20, sendBufferBytes: 2 ** 20 };
  return { clock, descriptors, shared: new NetUdpShared({ ...sizes, clock, descriptors }) };
}

class User implements UpstreamUser {
  readonly told: string[] = [];
  replied(message: Buffer): void {
    this.told.push(`reply ${message}`);
  }
  failed(failure: string): void {
    this.told.push(failure);
  }
  dropped(reason: string): void {
    this.told.push(reason);
  }
}

function open(t: TestContext, target: Target) {
  const { descriptors, shared } = setUp();
  const user = new User();
  descriptors.tryAcquire(1);
  const upstream = new SocketUpstream(target, user, shared);
  t.after(() => upstream.leave());
  return { upstream, user, descriptors };
}

test('what comes before the socket is connected waits, up to a bound', async (t) => {
  const peer = await Peer.at(`${net}.1`);
  t.after(() => peer.close());
  const { upstream, user } = open(t, targetAt(`${net}.1`, peer.port));
  const taken = Array.from({ length: maxQueued + 3 }, (_, index) => upstream.send(Buffer.from(`${index}`)));
  assert.equal(taken.filter(Boolean).length, maxQueued);
  assert.deepEqual(user.told, ['buffer-full', 'buffer-full', 'buffer-full']);
  await until(() => peer.received.length === maxQueued, 'the waiting ones have come');
  assert.deepEqual(
    peer.texts,
    Array.from({ length: maxQueued }, (_, index) => `${index}`),
  );
});

test('the bound on what waits is in bytes too', async (t) => {
  const { upstream, user } = open(t, targetAt(`${net}.1`, 9));
  for (let index = 0; index < 4; index++) assert.equal(upstream.send(Buffer.alloc(65_507)), true);
  assert.equal(upstream.send(Buffer.alloc(65_507)), false);
  assert.deepEqual(user.told, ['buffer-full']);
});

test('a datagram that is too large is dropped, and the upstream lives on', async (t) => {
  const peer = await Peer.at(`${net}.1`);
  t.after(() => peer.close());
  const { upstream, user } = open(t, targetAt(`${net}.1`, peer.port));
  upstream.send(Buffer.alloc(70_000));
  upstream.send(Buffer.from('x'));
  await until(() => peer.texts[0] === 'x', 'the second has come');
  assert.deepEqual(user.told, ['too-large']);
});

test('an address that cannot be connected to is a failure', async (t) => {
  // The broadcast address of lo: EACCES, whatever routes this machine has.
  const { user } = open(t, targetAt('127.255.255.255', 9));
  await until(() => user.told.length > 0, 'the failure is told');
  assert.deepEqual(user.told, ['connect-error']);
});

test('leaving gives the descriptor back once and silences the socket', async (t) => {
  const { upstream, user, descriptors } = open(t, await nobody());
  upstream.send(Buffer.from('x'));
  await new Promise(setImmediate);
  upstream.leave();
  upstream.leave();
  assert.equal(descriptors.used, 0);
  assert.equal(upstream.send(Buffer.from('y')), false);
  await new Promise(setImmediate);
  assert.ok(user.told.length <= 1);
});

test('held bytes are bounded', () => {
  const held = new HeldBytes();
  assert.equal(held.tryHold(16 * 2 ** 20), true);
  assert.equal(held.tryHold(1), false);
  held.release(16 * 2 ** 20);
  assert.equal(held.tryHold(1), true);
  assert.equal(held.bytes, 1);
});

test('a datagram that is long gone is not sent again when the endpoint is refused later', async (t) => {
  const { clock, shared } = setUp();
  const [first, second] = [await Peer.at(`${net}.1`), await Peer.at(`${net}.2`)];
  const router = new RecordingRouter(targetAt(`${net}.1`, first.port), targetAt(`${net}.2`, second.port));
  router.udp = { oneway: true };
  const vip = { protocol: 'UDP', address: ip(`${net}.3`), port: await freePort(`${net}.3`) } as const;
  const listener = await listenUdp(vip, router, shared);
  const [early, late] = [await Client.of(vip, `${net}.4`), await Client.of(vip, `${net}.4`)];
  t.after(() => Promise.all([listener.stop(), first.close(), second.close(), early.close(), late.close()]));
  const { targets } = router;
  router.targets = targets.slice(0, 1);
  early.say('early');
  late.say('soon');
  await until(() => first.received.length === 2, 'both have come');
  clock.advance(5_000);
  await first.close();
  router.targets = targets;
  late.say('late');
  await until(() => second.received.length > 0, 'it has gone to the other');
  await until(() => router.routes.length >= 4, 'both sessions have moved');
  assert.deepEqual(second.texts, ['late']);
  assert.equal(shared.held.bytes, 4);
});

test('a datagram is held until it is answered, and a stopped listener is asked nothing more', async (t) => {
  const { clock, shared } = setUp();
  const echo = await Echo.named('', `${net}.1`);
  const listen = async (router: RecordingRouter) => {
    const vip = { protocol: 'UDP', address: ip(`${net}.3`), port: await freePort(`${net}.3`) } as const;
    return { listener: await listenUdp(vip, router, shared), client: await Client.of(vip, `${net}.4`) };
  };
  const router = new RecordingRouter(targetAt(`${net}.1`, echo.port));
  const [one, two] = [await listen(router), await listen(new RecordingRouter(...router.targets))];
  t.after(() => Promise.all([two.listener.stop(), one.client.close(), two.client.close(), echo.close()]));
  await one.client.ask('x');
  await two.client.ask('x');
  assert.equal(shared.held.bytes, 0);
  echo.echo = false;
  two.client.say('four');
  await until(() => echo.received.length === 3, 'it has come');
  assert.equal(shared.held.bytes, 4);
  await one.listener.stop();
  Object.defineProperty(router, 'settings', { get: () => assert.fail('asked') });
  clock.advance(40_000);
  assert.equal(shared.sessions.size, 0);
  assert.equal(shared.held.bytes, 0);
});

test('oneway: the socket that replaces a refused one is found again', async () => {
  const { shared, descriptors } = setUp();
  const upstreams = new OnewayUpstreams(shared);
  const target = await nobody();
  const [first, second, third] = [new User(), new User(), new User()];
  const old = upstreams.join(target, first);
  assert.equal(upstreams.join(target, second), old);
  let renewed: Upstream | undefined;
  first.failed = () => {
    old?.leave(first);
    renewed = upstreams.join(target, first);
  };
  let left = false;
  second.failed = () => {
    old?.leave(second);
    left = true;
  };
  old?.send(Buffer.from('x'));
  await until(() => left, 'both were told');
  assert.ok(renewed !== undefined && renewed !== old);
  assert.equal(upstreams.join(target, third), renewed);
  assert.equal(descriptors.used, 1);
  renewed.leave(first);
  renewed.leave(third);
  assert.equal(descriptors.used, 0);
});

async function nobody(): Promise<Target> {
  return targetAt(`${net}.9`, await freePort(`${net}.9`));
}
