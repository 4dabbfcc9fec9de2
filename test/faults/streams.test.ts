import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { assertNoErrors, endings, settled } from '../support/books.ts';
import { startProgram } from '../support/program.ts';
import { sumOfSamples } from '../support/prometheus-text.ts';
import { backend, client, digest, echo, endOf, hashOf } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { configOf, frontendAt, service } from './service.ts';

const vip = '127.60.1.1';
const megabyte = 1024 * 1024;

describe('streams through the whole program', () => {
  test('half-close, client first: the answer that comes after is whole, and so are the counters', async (t) => {
    const { target, next } = await backend(t);
    const place = await frontendAt(vip);
    const program = await startProgram(t, { config: configOf([service(place, [target])]) });
    const socket = await client(t, place.port, vip);
    const [question, answer] = [randomBytes(4 * megabyte), randomBytes(4 * megabyte)];
    socket.end(question);
    const endpoint = await next();
    assert.deepEqual(await digest(endpoint), { hash: hashOf(question), bytes: question.length });
    endpoint.end(answer);
    assert.deepEqual(await digest(socket), { hash: hashOf(answer), bytes: answer.length });
    const families = await settled(program);
    assert.deepEqual(endings(families), { closed: 1 });
    assert.equal(sumOfSamples(families, 'sluice_to_endpoints_bytes_total'), question.length);
    assert.equal(sumOfSamples(families, 'sluice_from_endpoints_bytes_total'), answer.length);
  });

  test('half-close, endpoint first: what the client sends after is whole', async (t) => {
    const { target, next } = await backend(t);
    const place = await frontendAt(vip);
    const program = await startProgram(t, { config: configOf([service(place, [target])]) });
    const socket = await client(t, place.port, vip);
    const endpoint = await next();
    const [greeting, late] = [randomBytes(megabyte), randomBytes(4 * megabyte)];
    endpoint.end(greeting);
    assert.deepEqual(await digest(socket), { hash: hashOf(greeting), bytes: greeting.length });
    socket.end(late);
    assert.deepEqual(await digest(endpoint), { hash: hashOf(late), bytes: late.length });
    assert.deepEqual(endings(await settled(program)), { closed: 1 });
  });

  test('half-closed for ever: ended after halfClosedTimeout', async (t) => {
    const { target, next } = await backend(t);
    const place = await frontendAt(vip);
    const config = configOf([service(place, [target])], 'tcp: { halfClosedTimeout: 200ms }');
    const program = await startProgram(t, { config });
    const socket = await client(t, place.port, vip);
    const endpoint = await next();
    socket.end('last words');
    assert.equal((await digest(endpoint)).bytes, 10);
    assert.equal(await endOf(socket), 'reset');
    assert.deepEqual(endings(await settled(program)), { 'half-closed-timeout': 1 });
  });

  for (const who of ['client', 'endpoint'] as const) {
    test(`a reset of the ${who} in mid-transfer is passed on as a reset`, async (t) => {
      const { target, next } = await backend(t, echo);
      const place = await frontendAt(vip);
      const program = await startProgram(t, { config: configOf([service(place, [target])]) });
      const socket = await client(t, place.port, vip);
      const endpoint = await next();
      socket.write(randomBytes(64 * 1024));
      await once(socket, 'data');
      const [first, other] = who === 'client' ? [socket, endpoint] : [endpoint, socket];
      const end = endOf(other);
      first.resetAndDestroy();
      assert.equal(await end, 'reset');
      const families = await settled(program);
      assert.equal(sumOfSamples(families, 'sluice_flows_closed_total', { reason: 'reset', by: who }), 1);
      assertNoErrors(program);
    });
  }

  test('a storm of resets from both sides: every flow ends, the books balance, nothing is logged as an error', async (t) => {
    const storm = 300;
    const { target, sockets } = await backend(t, (socket) => {
      if (sockets.length % 3 === 0) resetAfter(socket, (sockets.length % 64) * 512);
      else echo(socket);
    });
    const place = await frontendAt(vip);
    const program = await startProgram(t, { config: configOf([service(place, [target])]) });
    const before = program.descriptors();
    const clients = await Promise.all(Array.from({ length: storm }, () => client(t, place.port, vip)));
    for (const [index, socket] of clients.entries()) {
      socket.resume();
      socket.write(randomBytes(32 * 1024));
      if (index % 2 === 0) setImmediate(() => socket.resetAndDestroy());
    }
    const survivors = clients.filter((_, index) => index % 2 === 1);
    await until(
      () => survivors.filter((socket) => socket.closed).length >= storm / 12,
      'endpoints reset their clients',
    );
    for (const socket of clients) if (!socket.destroyed) socket.resetAndDestroy();
    const families = await settled(program);
    assert.equal(sumOfSamples(families, 'sluice_flows_opened_total'), storm);
    const { reset = 0, 'client-gone': gone = 0 } = endings(families);
    assert.equal(reset + gone, storm);
    await until(() => program.descriptors() <= before, 'all descriptors are closed');
    assertNoErrors(program);
  });
});

function resetAfter(socket: Socket, bytes: number): void {
  let left = bytes;
  socket.on('data', ({ length }) => {
    left -= length;
    if (left < 0) socket.resetAndDestroy();
  });
}
