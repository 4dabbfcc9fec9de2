import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { bindSocket, closeSocket, SocketBuffers } from '../../../src/relay/net/udp-socket.ts';
import type { BufferSizes } from '../../../src/relay/udp-shared.ts';
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

test('the sizes of the buffers are those asked for, and what is granted is told', async () => {
  const told: BufferSizes[] = [];
  const socket = await bindSocket(address, 0);
  new SocketBuffers({ receiveBytes: 65_536, sendBytes: 65_536 }, (granted) => told.push(granted)).apply(socket);
  assert.deepEqual(told, [{ receiveBytes: socket.getRecvBufferSize(), sendBytes: socket.getSendBufferSize() }]);
  assert.ok(socket.getRecvBufferSize() >= 65_536 && socket.getSendBufferSize() >= 65_536);
  await closeSocket(socket);
});

test('a refused size of a buffer harms nothing', async () => {
  const huge = { receiveBytes: 2 ** 31, sendBytes: 2 ** 31 };
  const socket = await bindSocket(address, 0);
  new SocketBuffers(huge, ({ receiveBytes }) => assert.ok(receiveBytes < 2 ** 31)).apply(socket);
  socket.send('x', socket.address().port, address);
  await once(socket, 'message');
  await closeSocket(socket);
});
