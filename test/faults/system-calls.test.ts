import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { assertNoErrors, endings, settled } from '../support/books.ts';
import { ask, type Outcome, type Place } from '../support/load.ts';
import { address, podPort, udpClient, udpPod, vipPort } from '../support/pods.ts';
import { samplesOf, sumOfSamples } from '../support/prometheus-text.ts';
import { backend, client, digest, echo, endOf, hashOf } from '../support/sockets.ts';
import { type Failure, failingProgram, skip } from './failing-calls.ts';
import { configOf, frontendAt, service } from './service.ts';

const vip = '127.60.14.1';
const bulk = randomBytes(6 * 1024 * 1024);
const questions = 20;
const proxyHeader = 'PROXY TCP4 10.1.2.3 10.4.5.6 1234 80\r\n';

/** Some questions, one after the other: enough for the connection to get a thread of its own. Then the echo of `bulk`, while it is sent. */
async function exchange(t: TestContext, { host, port }: Place): Promise<{ hash: string; bytes: number }> {
  const socket = await client(t, port, host);
  for (let count = 0; count < questions; count += 1) {
    socket.write('?');
    await once(socket, 'data');
  }
  socket.pause().end(bulk);
  return digest(socket);
}

describe('system calls fail although the connections are well', { skip }, () => {
  const rows: readonly Failure[] = [
    { call: 'send', code: 'EINTR', errno: 4, every: 2 },
    { call: 'send', code: 'ENOBUFS', errno: 105, every: 2 },
    { call: 'send', code: 'ENOMEM', errno: 12, every: 2 },
    { call: 'recv', code: 'ENOBUFS', errno: 105, every: 2 },
    { call: 'splice', code: 'EINTR', errno: 4, every: 2 },
    { call: 'splice', code: 'EAGAIN', errno: 11, every: 3 },
    { call: 'splice', code: 'ENOMEM', errno: 12, every: 2 },
    { call: 'splice', code: 'EINVAL', errno: 22, every: 1 },
    { call: 'splice', code: 'ENOSYS', errno: 38, every: 1 },
    { call: 'splice', code: 'EPERM', errno: 1, every: 1 },
  ];
  for (const failure of rows) {
    test(`${failure.call}, ${failure.code}, ${failure.every === 1 ? 'always' : `one in ${failure.every}`}: every byte arrives`, {
      timeout: 20_000,
    }, async (t) => {
      const { target } = await backend(t, echo);
      const place = await frontendAt(vip);
      const { program, fail } = await failingProgram(t, failure, configOf([service(place, [target])]));
      fail();
      const answers = await Promise.all([exchange(t, place), exchange(t, place), exchange(t, place)]);
      for (const answer of answers) assert.deepEqual(answer, { hash: hashOf(bulk), bytes: bulk.length });
      const families = await settled(program);
      assert.deepEqual(endings(families), { closed: 3 });
      assert.equal(sumOfSamples(families, 'sluice_to_endpoints_bytes_total'), 3 * (questions + bulk.length));
      assertNoErrors(program);
    });
  }

  for (const failure of [
    { call: 'send', code: 'ENOBUFS', errno: 105, every: 1 },
    { call: 'recv', code: 'ENOBUFS', errno: 105, every: 1 },
  ] as const) {
    test(`${failure.call}, ${failure.code}, for a second: it is tried again now and then, and every byte arrives`, async (t) => {
      const { target } = await backend(t, echo);
      const place = await frontendAt(vip);
      const { program, fail, mend, failures } = await failingProgram(t, failure, configOf([service(place, [target])]));
      if ((await program.engine()) !== 'native') return t.skip('libuv has other calls');
      const socket = await client(t, place.port, vip);
      socket.write('?');
      await once(socket, 'data');
      fail();
      socket.pause().end(bulk);
      await delay(1_000);
      const tries = failures();
      mend();
      assert.ok(tries > 1 && tries < 500, `${tries} tries`);
      assert.deepEqual(await digest(socket), { hash: hashOf(bulk), bytes: bulk.length });
      assert.deepEqual(endings(await settled(program)), { closed: 1 });
      assertNoErrors(program);
    });
  }

  for (const { code, errno } of [
    { code: 'EINTR', errno: 4 },
    { code: 'ENOMEM', errno: 12 },
  ]) {
    test(`recv, ${code}, one in 2: nothing of a PROXY header goes to an endpoint`, async (t) => {
      const { target } = await backend(t, echo);
      const place = await frontendAt(vip);
      const accept = `proxyProtocol: { accept: { from: [127.0.0.0/8] } }`;
      const failure = { call: 'recv', code, errno, every: 2 } as const;
      const config = configOf([service(place, [target], accept)]);
      const { program, fail } = await failingProgram(t, failure, config);
      if ((await program.engine()) !== 'native') return t.skip('libuv has other calls');
      fail();
      const outcomes: Outcome[] = [];
      for (let count = 0; count < 10; count += 1) outcomes.push(await ask(place, `${proxyHeader}hello`));
      const answers = outcomes.flatMap((outcome) => (outcome.kind === 'answered' ? [outcome.answer] : []));
      for (const answer of answers) assert.equal(answer, 'hello');
      if (code === 'EINTR') assert.equal(answers.length, outcomes.length);
      await settled(program);
    });
  }

  for (const { code, errno } of [
    { code: 'ENOMEM', errno: 12 },
    { code: 'EPERM', errno: 1 },
    { code: 'EACCES', errno: 13 },
  ]) {
    test(`accept4, ${code}, for a second: it is tried again now and then, and the client is answered at last`, async (t) => {
      const { target } = await backend(t, echo);
      const place = await frontendAt(vip);
      const failure = { call: 'accept4', code, errno, every: 1 } as const;
      const { program, fail, mend, failures } = await failingProgram(t, failure, configOf([service(place, [target])]));
      if ((await program.engine()) !== 'native') return t.skip('libuv has other calls');
      fail();
      const answer = ask(place);
      await delay(1_000);
      const tries = failures();
      mend();
      assert.deepEqual(await answer, { kind: 'answered', answer: 'hello' });
      assert.ok(tries > 1 && tries < 50, `${tries} tries`);
      const families = await settled(program);
      // One more may have failed before it was mended.
      const counted = samplesOf(families, 'sluice_accept_failures_total', { code })[0]?.value ?? 0;
      assert.ok(counted >= tries, `${counted} of ${tries}`);
    });
  }

  for (const failure of [
    { call: 'recvmmsg', code: 'EINTR', errno: 4, every: 2 },
    { call: 'recvmmsg', code: 'ENOMEM', errno: 12, every: 2 },
    { call: 'sendmsg', code: 'EINTR', errno: 4, every: 2 },
  ] as const) {
    test(`${failure.call}, ${failure.code}, one in 2: no datagram waits for the next one, or is lost`, async (t) => {
      const [udpVip, pod] = [address(3), address(4)];
      await udpPod(t, pod);
      const line = `  - { name: udp, vip: ${udpVip}, ports: [{ port: ${vipPort}, protocol: UDP }], backends: ["${pod}:${podPort}"] }`;
      const { program, fail } = await failingProgram(t, failure, configOf([line]));
      if ((await program.engine()) !== 'native') return t.skip('libuv has other calls');
      fail();
      for (let count = 0; count < 10; count += 1) {
        const { ask: askPod } = await udpClient(t, udpVip, address(250));
        for (const word of ['one', 'two', 'three']) assert.equal(await askPod(word), `${pod}:${word}`);
      }
      assert.equal(sumOfSamples(await program.metrics(), 'sluice_datagrams_dropped_total'), 0);
    });
  }

  test('io_uring_enter: datagrams are sent without it, and none is lost', { timeout: 20_000 }, async (t) => {
    const [udpVip, pod] = [address(1), address(2)];
    const { received } = await udpPod(t, pod);
    const line = `  - { name: udp, vip: ${udpVip}, ports: [{ port: ${vipPort}, protocol: UDP }], backends: ["${pod}:${podPort}"] }`;
    const failure = { call: 'io_uring_enter', code: 'ENOMEM', errno: 12, every: 1 } as const;
    const { program, fail } = await failingProgram(t, failure, configOf([line]));
    const { ask: askPod } = await udpClient(t, udpVip);
    assert.equal(await askPod('one'), `${pod}:one`);
    fail();
    for (const word of ['two', 'three']) assert.equal(await askPod(word), `${pod}:${word}`);
    assert.equal(received.length, 3);
    assert.equal(sumOfSamples(await program.metrics(), 'sluice_datagrams_dropped_total'), 0);
    assertNoErrors(program);
  });

  test('epoll_ctl: a connection that cannot change its thread is reset, and counted; others go on', async (t) => {
    const { target } = await backend(t, echo);
    const place = await frontendAt(vip);
    const failure = { call: 'epoll_ctl', code: 'ENOSPC', errno: 28, every: 1 } as const;
    const { program, fail, mend } = await failingProgram(
      t,
      failure,
      configOf([service(place, [target])], 'threads: 1'),
    );
    if ((await program.engine()) !== 'native') return t.skip('the net engine has no threads');
    const sockets = await Promise.all([client(t, place.port, vip), client(t, place.port, vip)]);
    fail();
    for (const socket of sockets) socket.resume().write(bulk);
    for (const socket of sockets) assert.equal(await endOf(socket), 'reset');
    mend();
    assert.deepEqual(await ask(place), { kind: 'answered', answer: 'hello' });
    const families = await settled(program);
    assert.deepEqual(endings(families), { error: 2, closed: 1 });
    assert.equal(samplesOf(families, 'sluice_socket_errors_total', { code: failure.code })[0]?.value, 2);
    assertNoErrors(program);
  });
});
