import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { assertNoErrors, connectFailures, endings, settled } from '../support/books.ts';
import { diallingTo } from '../support/listeners.ts';
import { ask } from '../support/load.ts';
import { address, podPort, udpClient, udpPod } from '../support/pods.ts';
import { startProgram } from '../support/program.ts';
import { backend, client, echo, hole } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { buildPreload } from './preload.ts';
import { configOf, frontendAt, service } from './service.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-held-threads-'));
after(() => rmSync(folder, { recursive: true }));
const preload = buildPreload('held-threads', folder);

const connectTimeoutMs = 2_500;
const idleTimeoutMs = 2_000;
const asked = 100;

test('stopped while it connects, beyond connectTimeout: an endpoint that has answered meanwhile is not blamed', async (t) => {
  const slow = await hole(t);
  const { address, port } = slow.target.endpoint;
  const others = diallingTo(address, port);
  const place = await frontendAt('127.60.14.1');
  const timeouts = `tcp: { connectTimeout: ${connectTimeoutMs}ms, connectBudget: ${connectTimeoutMs}ms }`;
  const program = await startProgram(t, { config: configOf([service(place, [slow.target])], timeouts) });
  const answer = ask(place);
  await until(() => diallingTo(address, port) > others, 'the endpoint is dialled');
  program.signal('SIGSTOP');
  const stopped = performance.now();
  slow.open();
  await until(() => diallingTo(address, port) === 0, 'the kernel has connected all');
  await delay(stopped + connectTimeoutMs - performance.now());
  program.signal('SIGCONT');
  assert.deepEqual(await answer, { kind: 'answered', answer: 'hello' });
  const families = await settled(program);
  assert.deepEqual([endings(families), connectFailures(families)], [{ closed: 1 }, {}]);
  assertNoErrors(program);
});

test('stopped beyond idleTimeout: what waits to be read counts, however late its thread reads it', {
  skip: preload === undefined && 'needs a C compiler (cc)',
}, async (t) => {
  const [vip, pod] = [address(1), address(2)];
  const stream = await backend(t, echo);
  const datagrams = await udpPod(t, pod);
  const port = stream.target.endpoint.port;
  const config = `${['tcp', 'udp'].map((name) => `${name}: { idleTimeout: ${idleTimeoutMs}ms }`).join('\n')}
services:
  - { name: stream, vip: ${vip}, ports: [{ port: ${port} }], backends: [${stream.target.endpoint.key}] }
  - { name: datagrams, vip: ${vip}, ports: [{ port: ${port}, protocol: UDP }], backends: ["${pod}:${podPort}"] }
`;
  const held = join(folder, 'held');
  const program = await startProgram(t, { config, env: { LD_PRELOAD: preload ?? '', HOLD_WHILE: held } });
  const connection = await client(t, port, vip);
  const session = await udpClient(t, vip, address(250), port);
  // More than what is relayed on the event loop before a thread takes over.
  for (let count = 0; count < asked; count += 1) {
    connection.write('one');
    await Promise.all([once(connection, 'data'), session.ask('one')]);
  }
  // A sweep, four in each timeout, has seen it.
  await delay(idleTimeoutMs / 3);
  writeFileSync(held, '');
  program.signal('SIGSTOP');
  const stopped = performance.now();
  connection.write('two');
  session.send('two');
  await delay(stopped + 1_000 + idleTimeoutMs - performance.now());
  program.signal('SIGCONT');
  const [[echoed], answer] = await Promise.all([once(connection, 'data'), session.next()]);
  rmSync(held);
  assert.deepEqual([String(echoed), answer.toString()], ['two', `${pod}:two`]);
  const ports = datagrams.received.map(({ from }) => from.port);
  assert.deepEqual([ports.length, new Set(ports).size], [asked + 1, 1], 'all in one session');
  connection.end();
  assert.deepEqual(endings(await settled(program)), { closed: 1, 'idle-timeout': 1 });
  assertNoErrors(program);
});
