import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { bindSocket, closeSocket, SocketBuffers } from '../../../src/relay/net/udp-socket.ts';
import { ip } from '../../support/model.ts';

const address = ip(`127.79.${process.pid % 250}.1`);

test('binds exactly the address, once', async () => {
  const socket = await bindSocket(address, 0);
  const { address: actual, port } = socket.address();
  assert.equal(actual, address);
  await assert.rejects(bindSocket(address, port), { code: 'EADDRINUSE' });
  await closeSocket(socket);
  await closeSocket(await bindSocket(address, port));
});

test('an address that is not of this host is an error', async () => {
  await assert.rejects(bindSocket(ip('192.0.2.1'), 0), { code: 'EADDRNOTAVAIL' });
});

test('a refused size of a buffer is told once and harms nothing', async () => {
  const told: object[] = [];
  const huge = 2 ** 30;
  const buffers = new SocketBuffers({ receiveBytes: huge, sendBytes: huge, clamped: (granted) => told.push(granted) });
  const socket = await bindSocket(address, 0);
  buffers.apply(socket);
  buffers.apply(socket);
  assert.equal(told.length, 1);
  socket.send('x', socket.address().port, address);
  await once(socket, 'message');
  await closeSocket(socket);
});

test('sizes that are granted are not told', async () => {
  const buffers = new SocketBuffers({ receiveBytes: 65_536, sendBytes: 65_536, clamped: () => assert.fail() });
  const socket = await bindSocket(address, 0);
  buffers.apply(socket);
  assert.ok(socket.getRecvBufferSize() >= 65_536);
  await closeSocket(socket);
});
