import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { assertNoErrors, endings, settled } from '../support/books.ts';
import { ask, Load } from '../support/load.ts';
import { startProgram } from '../support/program.ts';
import { sumOfSamples } from '../support/prometheus-text.ts';
import { backend, client, digest, echo, endOf, hashOf } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { configOf, frontendAt, service } from './service.ts';

const vip = '127.60.3.1';
const accessLog = 'log: { access: { level: info } }';

describe('storms and ends', () => {
  test('a connection storm: a thousand clients at once, each is served', async (t) => {
    // Each backend's own queue holds 511.
    const backends = await Promise.all([1, 2, 3, 4].map(() => backend(t, echo)));
    const targets = backends.map(({ target }) => target);
    const place = await frontendAt(vip);
    const program = await startProgram(t, { config: configOf([service(place, targets)]) });
    const before = program.descriptors();
    const outcomes = await Promise.all(Array.from({ length: 1_000 }, (_, index) => ask(place, `client ${index}`)));
    for (const [index, outcome] of outcomes.entries()) {
      assert.deepEqual(outcome, { kind: 'answered', answer: `client ${index}` });
    }
    assert.deepEqual(endings(await settled(program)), { closed: 1_000 });
    await until(() => program.descriptors() <= before, 'all descriptors are closed');
    assertNoErrors(program);
  });

  test('SIGTERM under load: what was accepted is served to its end, new clients are refused, exit code 0', async (t) => {
    const { target, sockets } = await backend(t, echo);
    const place = await frontendAt(vip);
    const program = await startProgram(t, { config: configOf([service(place, [target])]) });
    const established = await Promise.all(Array.from({ length: 20 }, () => client(t, place.port, vip)));
    const load = new Load(place, 4);
    await until(() => sockets.length > 60, 'the load runs');
    program.signal('SIGTERM');
    await program.line(({ msg }) => msg === 'draining', 'that it drains');
    const late = await ask(place);
    assert.equal(late.kind === 'failed' && late.code, 'ECONNREFUSED');
    assert.equal((await program.get('/readyz')).status, 503);
    for (const socket of established) {
      const bytes = randomBytes(100_000);
      socket.end(bytes);
      assert.deepEqual(await digest(socket), { hash: hashOf(bytes), bytes: bytes.length });
    }
    await load.stop();
    const { code, signal } = await program.exited();
    assert.deepEqual({ code, signal }, { code: 0, signal: null });
    assert.ok(program.lines().some(({ msg }) => msg === 'drained'));
    assertNoErrors(program);
  });

  test('SIGTERM: clients that wait in the queue of the kernel are served too', async (t) => {
    const { target } = await backend(t, echo);
    const place = await frontendAt(vip);
    const program = await startProgram(t, { config: configOf([service(place, [target])], accessLog) });
    program.signal('SIGSTOP');
    const clients = Array.from({ length: 200 }, () => connect({ ...place, allowHalfOpen: true }));
    await Promise.all(clients.map((socket) => once(socket, 'connect')));
    program.signal('SIGTERM');
    program.signal('SIGCONT');
    const bytes = Buffer.from('accepted by the kernel');
    for (const socket of clients) socket.end(bytes);
    const digests = await Promise.all(clients.map((socket) => digest(socket)));
    for (const got of digests) assert.equal(got.hash, hashOf(bytes));
    assert.equal((await program.exited()).code, 0);
  });

  test('the drain timeout: what is left is cut, with the reason shutdown; the exit code is 0', async (t) => {
    const { target } = await backend(t, echo);
    const place = await frontendAt(vip);
    const config = configOf([service(place, [target])], `drainTimeout: 400ms\n${accessLog}`);
    const program = await startProgram(t, { config });
    const socket = await client(t, place.port, vip);
    socket.write('x');
    await once(socket, 'data');
    program.signal('SIGTERM');
    assert.equal(await endOf(socket), 'reset');
    const { code, afterMs } = await program.exited();
    assert.equal(code, 0);
    assert.ok(afterMs >= 400, `ended after ${afterMs} ms`);
    const ended = program.lines().find(({ msg }) => msg === 'flow ended');
    assert.deepEqual({ reason: ended?.reason, by: ended?.by }, { reason: 'shutdown', by: 'sluice' });
  });

  for (const [signal, exitCode] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    test(`a second ${signal} ends it at once`, async (t) => {
      const { target } = await backend(t, echo);
      const place = await frontendAt(vip);
      const program = await startProgram(t, { config: configOf([service(place, [target])], 'drainTimeout: 10m') });
      await client(t, place.port, vip);
      await until(async () => sumOfSamples(await program.metrics(), 'sluice_flows_active') === 1, 'the client is in');
      program.signal(signal);
      await program.line(({ msg }) => msg === 'draining', 'that it drains');
      await delay(100);
      assert.ok(program.isRunning, 'the client holds it up');
      program.signal(signal);
      const { code, afterMs } = await program.exited();
      assert.equal(code, exitCode);
      assert.ok(afterMs < 5_000, `ended after ${afterMs} ms`);
    });
  }

  test('ended at once under load: no thread touches what is gone', async (t) => {
    const { target } = await backend(t, echo);
    const place = await frontendAt(vip);
    const program = await startProgram(t, { config: configOf([service(place, [target])], 'drainTimeout: 10m') });
    for (let count = 0; count < 20; count += 1) {
      const socket = await client(t, place.port, vip);
      socket.on('data', (bytes) => socket.write(bytes)).write(Buffer.alloc(16 * 1024));
    }
    await until(async () => sumOfSamples(await program.metrics(), 'sluice_flows_active') === 20, 'all are in');
    await delay(100);
    program.signal('SIGTERM');
    await program.line(({ msg }) => msg === 'draining', 'that it drains');
    program.signal('SIGTERM');
    const { code, signal } = await program.exited();
    assert.deepEqual({ code, signal }, { code: 143, signal: null });
  });
});
