import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { assertNoErrors, connectFailures, endings, settled } from '../support/books.ts';
import { ask, type Place } from '../support/load.ts';
import { startProgram } from '../support/program.ts';
import { sumOfSamples } from '../support/prometheus-text.ts';
import { backend, client, echo } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { configOf, frontendAt, service } from './service.ts';

const vip = '127.60.6.1';
const limit = 160;
const skip = spawnSync('prlimit', ['--version']).error ? 'needs prlimit (util-linux)' : false;

async function answer(socket: Socket): Promise<void> {
  socket.write('x');
  await once(socket, 'data');
}

/** Clients that hold on to what they have, `count` of them. */
async function hold(t: TestContext, { port, host }: Place, count: number): Promise<Socket[]> {
  const sockets = await Promise.all(Array.from({ length: count }, () => client(t, port, host)));
  await Promise.all(sockets.map(answer));
  return sockets;
}

describe('file descriptors run out', { skip }, () => {
  test('at the ceiling clients wait and are served later; too many are refused; those that are in notice nothing', async (t) => {
    const { target } = await backend(t, echo);
    const place = await frontendAt(vip);
    const config = configOf([service(place, [target])], 'tcp: { connectBudget: 20s }');
    const program = await startProgram(t, { config, prefix: ['prlimit', `--nofile=${limit}:${limit}`] });
    const most = sumOfSamples(await program.metrics(), 'sluice_flows_limit');
    assert.ok(most > 20 && most < limit / 2, `${most}`);
    const established = await hold(t, place, most);

    const queue = Array.from({ length: 60 }, () => ask(place));
    const refused = () => program.metrics().then((families) => endings(families)['descriptors-exhausted'] ?? 0);
    await until(async () => (await refused()) > 0, 'the reserve is for a few only');
    const cpuBefore = program.cpuMs();
    await delay(500);
    assert.ok(program.cpuMs() - cpuBefore < 250, `it does not spin: ${program.cpuMs() - cpuBefore} ms`);
    for (const socket of established) await answer(socket);
    const turnedAway = await refused();
    assert.ok(turnedAway < 60, 'some wait');

    for (const socket of established) socket.end();
    const outcomes = await Promise.all(queue);
    assert.equal(outcomes.filter(({ kind }) => kind === 'answered').length, 60 - turnedAway);
    const families = await settled(program);
    assert.deepEqual(endings(families), { closed: most + 60 - turnedAway, 'descriptors-exhausted': turnedAway });
    assert.equal(sumOfSamples(families, 'sluice_accept_failures_total'), 0, 'accept(2) never failed');
    const warnings = program.lines().filter(({ reason }) => reason === 'descriptors-exhausted');
    assert.equal(warnings.length, 1, 'one line a period');
    assertNoErrors(program);
  });

  test('EMFILE: existing connections go on, no spinning, one log line, and all is well when there are descriptors', async (t) => {
    const { target } = await backend(t, echo);
    const place = await frontendAt(vip);
    const config = configOf([service(place, [target])]);
    const program = await startProgram(t, { config, prefix: ['prlimit', `--nofile=${limit}:${limit * 4}`] });
    const queues = (await program.engine()) === 'native';
    const established = await hold(t, place, 20);
    // Somebody takes away what the program has counted on, behind its back.
    const setLimit = (soft: number) =>
      execFileSync('prlimit', ['--pid', `${program.pid}`, `--nofile=${soft}:${limit * 4}`]);
    const next = lowestFreeDescriptor(program.pid);

    // One is left: accept(2) gets it, and connect(2) has none.
    setLimit(next + 1);
    for (const outcome of await Promise.all(Array.from({ length: 20 }, () => ask(place)))) {
      assert.equal(outcome.kind === 'failed' && outcome.code, 'ECONNRESET');
    }
    assert.deepEqual(connectFailures(await program.metrics()), { 'descriptors-exhausted': 20 });
    const warnings = program.lines().filter(({ level }) => level === 'warn');
    assert.deepEqual(
      warnings.map(({ reason }) => reason),
      queues ? ['descriptors-exhausted', 'accept-failed'] : ['descriptors-exhausted'],
      'one line a period',
    );

    // None is left: libuv accepts and closes, by a descriptor that it keeps for that. Natively clients wait in the kernel.
    setLimit(next);
    const cpuBefore = program.cpuMs();
    const unlucky = Array.from({ length: 20 }, () =>
      connect(place)
        .on('error', () => {})
        .resume(),
    );
    if (!queues) await Promise.all(unlucky.map((socket) => once(socket, 'close')));
    for (const socket of established) await answer(socket);
    await delay(500);
    assert.ok(program.cpuMs() - cpuBefore < 250, `it does not spin: ${program.cpuMs() - cpuBefore} ms`);

    setLimit(limit);
    assert.equal((await ask(place)).kind, 'answered');
    for (const socket of [...established, ...(queues ? unlucky : [])]) {
      await answer(socket);
      socket.end();
    }
    await settled(program);
    assertNoErrors(program);
  });
});

function lowestFreeDescriptor(pid: number): number {
  const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let descriptor = 0;
  while (open.has(descriptor)) descriptor += 1;
  return descriptor;
}
