import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertNoErrors, connectFailures, endings, settled } from '../support/books.ts';
import { ask } from '../support/load.ts';
import { address, podPort, udpClient, udpPod, vipPort } from '../support/pods.ts';
import { samplesOf, sumOfSamples } from '../support/prometheus-text.ts';
import { backend, echo } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { failingProgram, skip } from './failing-calls.ts';
import { configOf, frontendAt, service } from './service.ts';

const vip = '127.60.15.1';

const rows = [
  { code: 'ENOMEM', errno: 12, reason: 'memory-exhausted' },
  { code: 'ENOBUFS', errno: 105, reason: 'memory-exhausted' },
  { code: 'ENFILE', errno: 23, reason: 'descriptors-exhausted' },
];

describe('this host has no socket left for an endpoint', { skip }, () => {
  for (const { code, errno, reason } of rows) {
    test(`${code}: TCP clients are reset as ${reason}, and no endpoint is blamed`, async (t) => {
      const [one, two] = [await backend(t, echo, '127.0.0.2'), await backend(t, echo, '127.0.0.3')];
      const place = await frontendAt(vip);
      const config = configOf([service(place, [one.target, two.target], 'sessionAffinity: ClientIP')]);
      const { program, fail, mend } = await failingProgram(t, { call: 'socket', code, errno, every: 1 }, config);
      assert.equal((await ask(place)).kind, 'answered');
      const home = one.sockets.length > 0 ? one : two;

      fail();
      for (let count = 0; count < 3; count += 1) {
        const outcome = await ask(place);
        assert.equal(outcome.kind === 'failed' && outcome.code, 'ECONNRESET');
      }
      mend();
      assert.equal((await ask(place)).kind, 'answered');
      assert.equal(home.sockets.length, 2, 'the client is where it was');

      const families = await settled(program);
      assert.deepEqual(endings(families), { closed: 2, [reason]: 3 });
      assert.deepEqual(connectFailures(families), { [reason]: 6 }, 'each client had two tries');
      assert.equal(samplesOf(families, 'sluice_socket_errors_total', { code })[0]?.value, 6);
      const warnings = program.lines().filter(({ level }) => level === 'warn');
      assert.deepEqual(
        warnings.map((line) => line.reason),
        [reason],
        'one line a period',
      );
      assertNoErrors(program);
    });

    test(`${code}, now and then: TCP clients are served by the next try`, async (t) => {
      const pods = [await backend(t, echo, '127.0.0.2'), await backend(t, echo, '127.0.0.3')];
      const place = await frontendAt(vip);
      const config = configOf([
        service(
          place,
          pods.map(({ target }) => target),
        ),
      ]);
      const { program, fail, failures } = await failingProgram(t, { call: 'socket', code, errno, every: 2 }, config);
      fail();
      for (let count = 0; count < 6; count += 1) assert.equal((await ask(place)).kind, 'answered');
      assert.ok(failures() > 0);
      assert.deepEqual(endings(await settled(program)), { closed: 6 });
    });

    test(`${code}: UDP datagrams are dropped as ${reason}, and the next ones are served`, async (t) => {
      const [udpVip, pod] = [address(1), address(2)];
      await udpPod(t, pod);
      const line = `  - { name: udp, vip: ${udpVip}, ports: [{ port: ${vipPort}, protocol: UDP }], backends: ["${pod}:${podPort}"] }`;
      const failure = { call: 'socket', code, errno, every: 1 } as const;
      const { program, fail, mend } = await failingProgram(t, failure, configOf([line]));
      const { ask: askPod, send } = await udpClient(t, udpVip);
      fail();
      send('lost');
      const dropped = async () =>
        sumOfSamples(await program.metrics(), 'sluice_datagrams_dropped_total', { reason }) === 1;
      await until(dropped, 'the datagram is dropped, and counted');
      mend();
      assert.equal(await askPod('two'), `${pod}:two`);
      const families = await program.metrics();
      assert.deepEqual(endings(families), { [reason]: 1 });
      assert.deepEqual(connectFailures(families), { [reason]: 1 });
      assertNoErrors(program);
    });
  }
});
