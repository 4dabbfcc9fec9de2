import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { directSender } from '../../../src/relay/net/udp-direct.ts';
import { dropReasonOf, endpointFailureOf, PublicSender, senderFor } from '../../../src/relay/net/udp-sender.ts';
import { bindSocket } from '../../../src/relay/net/udp-socket.ts';
import { Peer } from '../../contract/udp-peers.ts';
import { ip } from '../../support/model.ts';
import { until } from '../../support/until.ts';

const address = ip(`127.78.${process.pid % 250}.1`);

async function pair(t: TestContext) {
  const peer = await Peer.at(address);
  const socket = await bindSocket(address, 0);
  t.after(async () => {
    socket.close();
    await peer.close();
  });
  return { peer, socket };
}

for (const direct of [true, false]) {
  const how = direct ? 'through the handle' : 'as documented';

  test(`sends to an address, ${how}`, async (t) => {
    const { peer, socket } = await pair(t);
    const failures: string[] = [];
    const sender = senderFor(socket, (code) => failures.push(code), direct);
    // A Node.js where this fails has changed its insides: look at udp-direct.ts.
    assert.equal(sender instanceof PublicSender, !direct);
    for (const text of ['a', '', 'c']) assert.equal(sender.sendTo(Buffer.from(text), peer.port, address), true);
    await until(() => peer.received.length === 3, 'three datagrams have come');
    assert.deepEqual(peer.texts, ['a', '', 'c']);
    assert.deepEqual(failures, []);
  });

  test(`sends to the peer of a connected socket, ${how}`, async (t) => {
    const { peer, socket } = await pair(t);
    socket.connect(peer.port, address);
    await once(socket, 'connect');
    const sender = senderFor(socket, assert.fail, direct);
    sender.send(Buffer.from('x'));
    await until(() => peer.texts[0] === 'x', 'it has come');
  });

  test(`tells what failed, ${how}`, async (t) => {
    const { peer, socket } = await pair(t);
    const failures: string[] = [];
    const sender = senderFor(socket, (code) => failures.push(code), direct);
    sender.sendTo(Buffer.alloc(65_508), peer.port, address);
    await until(() => failures.length === 1, 'the failure is told');
    assert.deepEqual(failures, ['EMSGSIZE']);
    sender.sendTo(Buffer.from('x'), peer.port, address);
    await until(() => peer.received.length === 1, 'the next one comes');
  });

  test(`lets no more wait than may, ${how}`, async (t) => {
    const { peer, socket } = await pair(t);
    const failures: string[] = [];
    const sender = senderFor(socket, (code) => failures.push(code), direct);
    const handle = handleOf(socket);
    handle.send = () => 0;
    sender.sendTo(Buffer.from('waits'), peer.port, address);
    handle.getSendQueueSize = () => 2 ** 20;
    assert.equal(sender.sendTo(Buffer.from('x'), peer.port, address), false);
    assert.deepEqual(failures, ['ENOBUFS']);
    Reflect.deleteProperty(handle, 'send');
    Reflect.deleteProperty(handle, 'getSendQueueSize');
    assert.equal(sender.sendTo(Buffer.from('y'), peer.port, address), true);
    await until(() => peer.received.length === 1, 'it goes on');
    assert.deepEqual(peer.texts, ['y']);
  });
}

test('a socket without the expected handle is sent from as documented', async (t) => {
  const { socket } = await pair(t);
  const state = stateOf(socket);
  const { handle } = state;
  state.handle = { send: 'no function', getSendQueueSize: () => 0 };
  assert.equal(directSender(socket, assert.fail), undefined);
  state.handle = handle;
  assert.equal(directSender(Object.create(socket), assert.fail), undefined);
});

test('the look at the request leaves the handle as it was', async (t) => {
  const { socket } = await pair(t);
  assert.ok(directSender(socket, assert.fail));
  assert.ok(!Object.hasOwn(handleOf(socket), 'send'));
});

const codes = [
  ['EAGAIN', 'buffer-full', undefined],
  ['ENOBUFS', 'buffer-full', undefined],
  ['ENOMEM', 'buffer-full', undefined],
  ['EMSGSIZE', 'too-large', undefined],
  ['EPERM', 'send-error', undefined],
  ['ECONNREFUSED', 'send-error', 'connect-refused'],
  ['EHOSTUNREACH', 'send-error', 'connect-unreachable'],
  ['ENETUNREACH', 'send-error', 'connect-unreachable'],
] as const;
for (const [code, drop, failure] of codes) {
  test(`${code}: ${failure ?? drop}`, () => {
    assert.equal(dropReasonOf(code), drop);
    assert.equal(endpointFailureOf(code), failure);
  });
}

type Handle = Record<string, unknown>;

function stateOf(socket: object): { handle: Handle } {
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol');
  return Reflect.get(socket, key ?? '') as { handle: Handle };
}

function handleOf(socket: object): Handle {
  return stateOf(socket).handle;
}
