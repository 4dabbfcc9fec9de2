import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { errorCode } from '../../src/base/errors.ts';
import { ask, podPort, vipPort } from '../support/pods.ts';
import { startProgram } from '../support/program.ts';
import { client, echo, endOf } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { a, b, configOf, endpointsOf, startWithPods, total, untilPods, vip } from './config.ts';

/** A TCP server at `host` that echoes. */
async function echoPod(t: TestContext, host: string): Promise<Socket[]> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    echo(socket);
  });
  server.listen(podPort, host);
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return sockets;
}

async function exchange(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [data] = (await once(socket, 'data')) as [Buffer];
  return data.toString();
}

test('established connections outlive their removed endpoint; new ones go elsewhere', async (t) => {
  const [atA, atB] = await Promise.all([echoPod(t, a), echoPod(t, b)]);
  const program = await startProgram(t, { config: configOf([{ backends: [a, b] }]) });
  const first = await client(t, vipPort, vip);
  assert.equal(await exchange(first, 'one'), 'one');
  assert.deepEqual([atA.length, atB.length], [1, 0]);
  await program.configure(configOf([{ backends: [b] }]));
  await untilPods(program, [b]);
  assert.equal(await exchange(first, 'two'), 'two');
  for (let count = 0; count < 3; count += 1) assert.equal(await exchange(await client(t, vipPort, vip), 'x'), 'x');
  assert.deepEqual([atA.length, atB.length], [1, 3]);
  const leaving = (await endpointsOf(program)).find(({ present }) => !present);
  assert.equal(leaving?.active, 1, 'the one that has left is still told of');
  first.destroy();
  await until(async () => (await endpointsOf(program)).length === 1, 'it is gone with its last connection');
});

test('the connections of a removed endpoint are reset after endpointDrainTimeout', async (t) => {
  await Promise.all([echoPod(t, a), echoPod(t, b)]);
  const drained = { endpointDrainTimeout: '300ms' };
  const program = await startProgram(t, { config: configOf([{ backends: [a, b] }], drained) });
  const [first, second] = [await client(t, vipPort, vip), await client(t, vipPort, vip)];
  await Promise.all([exchange(first, 'x'), exchange(second, 'x')]);
  await program.configure(configOf([{ backends: [b] }], drained));
  assert.equal(await endOf(first), 'reset');
  assert.equal(await exchange(second, 'still here'), 'still here');
  assert.equal(await total(program, 'sluice_flows_closed_total', { reason: 'endpoint-removed' }), 1);
});

test('without endpoints a client is refused at once, and served again when there is one', async (t) => {
  const program = await startWithPods(t, [{ backends: [a] }]);
  await program.configure(configOf([{ backends: [] }]));
  await untilPods(program, []);
  const socket = await client(t, vipPort, vip).catch(() => undefined);
  // The listener stays, so that the client is reset rather than refused; either way it is told at once.
  if (socket !== undefined) assert.equal(await endOf(socket), 'reset');
  assert.ok((await total(program, 'sluice_flows_closed_total', { reason: 'no-endpoint' })) >= 1);
  await program.configure(configOf([{ backends: [a] }]));
  await untilPods(program, [a]);
  assert.equal(await ask(vip), a);
});

test('a removed service refuses new connections; those that are there live on', async (t) => {
  await echoPod(t, a);
  const program = await startProgram(t, { config: configOf([{ backends: [a] }]) });
  const established = await client(t, vipPort, vip);
  assert.equal(await exchange(established, 'one'), 'one');
  await program.configure('services: []');
  await until(async () => (await program.services()).servicePorts.length === 0, 'the service is gone');
  // Clients that were in the kernel's queue are taken before the socket is closed, so that takes a moment.
  const attempt = () => client(t, vipPort, vip).then(() => 'connected', errorCode);
  await until(async () => (await attempt()) === 'ECONNREFUSED', 'a client is refused');
  assert.equal(await exchange(established, 'two'), 'two');
  await program.configure(configOf([{ backends: [a] }]));
  await untilPods(program, [a]);
  await until(async () => (await program.ready()).frontends.listening === 1, 'it listens again');
  assert.equal(await exchange(await client(t, vipPort, vip), 'three'), 'three');
  assert.equal(await exchange(established, 'four'), 'four');
});

test('a VIP:PORT that passes to another service is never refused', async (t) => {
  const program = await startWithPods(t, [{ name: 'old', backends: [a] }]);
  let isOver = false;
  const answers = new Set<string>();
  const load = (async () => {
    while (!isOver) answers.add(await ask(vip));
  })();
  for (let count = 0; count < 5; count += 1) {
    await program.configure(configOf([{ name: 'new', backends: [b] }]));
    await untilPods(program, [b], 'new');
    await program.configure(configOf([{ name: 'old', backends: [a] }]));
    await untilPods(program, [a], 'old');
  }
  isOver = true;
  await load;
  assert.deepEqual([...answers].sort(), [a, b]);
});
