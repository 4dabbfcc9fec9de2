import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { undelivered } from '../../src/vip/undelivered.ts';
import { ip } from '../support/model.ts';
import { until } from '../support/until.ts';

const skip = process.platform === 'linux' ? false : '/proc/net/tcp is of Linux';
const tables = () => ['tcp', 'tcp6'].map((name) => readFileSync(`/proc/net/${name}`, 'utf8'));

for (const host of ['127.0.0.1', '::1']) {
  test(`at ${host}: a connection counts from its end until its client has all of it`, { skip }, async (t) => {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const count = () => undelivered(tables(), [{ address: ip(host), port }]);
    const client = connect(port, host).pause();
    t.after(() => client.destroy());
    const [socket] = (await once(server, 'connection')) as [Socket];
    assert.equal(count(), 0);
    // As much as the kernel takes, and no more: the socket is closed with all of it in the kernel's hands.
    const chunk = Buffer.alloc(64 * 1024);
    while (socket.write(chunk));
    socket.destroy();
    await until(() => count() === 1, 'it is delivering');
    assert.equal(undelivered(tables(), [{ address: ip(host), port: port - 1 }]), 0, 'another place');
    client.resume();
    await once(client, 'close');
    await until(() => count() === 0, 'all is there');
  });
}

const place = { address: ip('198.51.96.1'), port: 80 };
const isLittle = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** A line of `/proc/net/tcp` of a connection of `place`. */
function line(state: string, retransmits = '00000000', probes = '0'): string {
  const local = isLittle ? '016033C6' : 'C6336001';
  return `   0: ${local}:0050 016411AC:C350 ${state} 00000000:00000000 00:00000000 ${retransmits}     0        ${probes} 1 1 0 20`;
}

for (const [whose, unanswered, count] of [
  ['a client that reads slowly', ['00000000', '1'], 1],
  ['a client on a bad way', ['00000004', '0'], 1],
  ['a client that is gone', ['00000005', '0'], 0],
  ['a client that has stopped reading, and then is gone', ['00000000', '5'], 0],
] as const) {
  test(`${whose} is ${count === 0 ? 'not ' : ''}waited for`, () => {
    assert.equal(undelivered([line('04', ...unanswered)], [place]), count);
  });
}

test('of the states of a connection three mean that something is on its way', () => {
  const states = ['01', '02', '03', '04', '05', '06', '07', '08', '09', '0A', '0B'];
  assert.deepEqual(
    states.filter((state) => undelivered([line(state)], [place]) === 1),
    ['04', '09', '0B'],
  );
});
