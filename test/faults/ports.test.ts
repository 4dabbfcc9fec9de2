import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { assertNoErrors, connectFailures, endings, settled } from '../support/books.ts';
import type { Place } from '../support/load.ts';
import { startProgram } from '../support/program.ts';
import { sumOfSamples } from '../support/prometheus-text.ts';
import { backend, echo, endOf } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { isInside, passesInside, skip } from './own-namespace.ts';
import { configOf, service } from './service.ts';

/*
 * The ephemeral ports are those of a network namespace that has nothing else in it: this file runs itself there.
 */

/** So few that a test can use them up. Listeners and clients of the test have others. */
const ephemeral = { first: 40_000, count: 8 };

test('ephemeral ports run out, in a network namespace', { skip }, () => passesInside(import.meta.url));

/** A client with a port outside the range; the program's sockets are the only ones that use it. */
async function comeIn(t: TestContext, place: Place, localPort: number): Promise<Socket> {
  const socket = connect({ ...place, localPort, localAddress: '127.0.0.9', allowHalfOpen: true });
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write('x');
  return socket;
}

test('ports-exhausted: another endpoint serves, and nobody is blamed', {
  skip: !isInside && 'runs inside',
}, async (t) => {
  const [one, two] = [await backend(t, echo, '127.0.0.2'), await backend(t, echo, '127.0.0.3')];
  const place = { host: '127.60.11.1', port: 7_000 };
  const services = [service(place, [one.target, two.target], 'sessionAffinity: ClientIP')];
  writeFileSync(
    '/proc/sys/net/ipv4/ip_local_port_range',
    `${ephemeral.first} ${ephemeral.first + ephemeral.count - 1}`,
  );
  const program = await startProgram(t, { config: configOf(services) });
  const served: Socket[] = [];
  for (let index = 0; index < ephemeral.count; index += 1) {
    const socket = await comeIn(t, place, 10_000 + index);
    await once(socket, 'data');
    served.push(socket);
  }
  const favourite = one.sockets.length > 0 ? one : two;
  const other = favourite === one ? two : one;
  assert.deepEqual([favourite.sockets.length, other.sockets.length], [ephemeral.count, 0], 'affinity');

  // No port is left towards the favourite. The other one is as good.
  const overflow = await comeIn(t, place, 10_100);
  await once(overflow, 'data');
  assert.equal(other.sockets.length, 1);
  const failures = await program.metrics();
  assert.deepEqual(connectFailures(failures), { 'ports-exhausted': 1 });
  assert.equal(sumOfSamples(failures, 'sluice_affinity_entries'), 1);
  const warnings = () => program.lines().filter(({ level }) => level === 'warn');
  assert.deepEqual(
    warnings().map(({ reason }) => reason),
    ['ports-exhausted'],
  );

  // A port is free again: the client goes on where it has always been.
  served.pop()?.resetAndDestroy();
  await until(() => favourite.sockets.at(-1)?.closed === true, 'the reset has come through');
  const back = await comeIn(t, place, 10_101);
  await once(back, 'data');
  assert.equal(favourite.sockets.length, ephemeral.count + 1, 'the endpoint was not blamed');

  // No port towards either: refused at once, not after a timeout.
  for (let index = 0; index < ephemeral.count - 1; index += 1) {
    const socket = await comeIn(t, place, 10_200 + index);
    await once(socket, 'data');
  }
  assert.equal(other.sockets.length, ephemeral.count);
  const began = performance.now();
  assert.equal(await endOf(connect({ ...place, localPort: 10_300, localAddress: '127.0.0.9' })), 'reset');
  assert.ok(performance.now() - began < 900);
  assert.equal(endings(await program.metrics())['connect-failed'], 1);
  assert.equal(warnings().length, 1, 'one line a period');
  for (const socket of [...one.sockets, ...two.sockets]) socket.resetAndDestroy();
  await settled(program);
  assertNoErrors(program);
});
