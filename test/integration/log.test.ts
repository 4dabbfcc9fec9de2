import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExplainResponse } from '../../src/admin/explain-shape.ts';
import { ask, askTimes, httpPod, tally } from '../support/pods.ts';
import { startProgram } from '../support/program.ts';
import { samplesOf } from '../support/prometheus-text.ts';
import { until } from '../support/until.ts';
import { a, b, configOf, endpointsOf, total, vip } from './config.ts';

/** Where standard output goes, as the shell says it; the shell becomes the program, in the folder of its configuration. */
const outputs: Record<string, { readonly redirect: string; readonly drops: boolean }> = {
  // The program itself holds the end that nobody reads.
  'a pipe that nobody reads': { redirect: 'mkfifo log.fifo; exec "$@" 1<>log.fifo', drops: true },
  'a full disk': { redirect: 'exec "$@" >/dev/full', drops: true },
  'a closed descriptor': { redirect: 'exec "$@" >&-', drops: false },
};

for (const [name, { redirect, drops }] of Object.entries(outputs)) {
  test(`with its log on ${name} it relays, reloads and ends in order`, async (t) => {
    await Promise.all([a, b].map((pod) => httpPod(t, pod)));
    const log = { level: 'info', access: { level: 'info' } };
    const program = await startProgram(t, {
      config: configOf([{ backends: [a] }], { log }),
      prefix: ['sh', '-c', `for last; do :; done; cd "$(dirname "$last")"; ${redirect}`, 'sh'],
    });
    const rss = program.rssBytes();
    assert.deepEqual(tally(await askTimes(300, vip)), { [a]: 300 });
    // What waits for the log may be 1 MiB: a thousand lines for each wrong configuration fill it.
    const keys = (count: number) =>
      Array.from({ length: 1_000 }, (_, index) => `wrong-${count}-${index}: 1`).join('\n');
    for (let count = 0; drops && (await total(program, 'sluice_log_lines_dropped_total')) === 0; count += 1) {
      await program.configure(keys(count));
      await until(async () => {
        const problems = (await program.ready()).feeds.flatMap((feed) => feed.problems);
        return problems.some(({ path }) => path === `wrong-${count}-0`);
      }, 'the wrong configuration is read');
      assert.ok(count < 20, 'some line is dropped in the end');
    }
    await program.configure(configOf([{ backends: [b] }], { log }));
    await until(async () => (await ask(vip)) === b, 'the new backend serves');
    assert.ok((await endpointsOf(program)).every(({ endpoint }) => endpoint.startsWith(b)));
    assert.ok(program.rssBytes() - rss < 96 * 1024 ** 2, 'the log does not pile up in memory');
    program.signal('SIGTERM');
    const exit = await program.exited();
    assert.equal(exit.code, 0);
    assert.ok(exit.afterMs < 10_000, `it took ${Math.round(exit.afterMs)} ms to end`);
  });
}

for (const engine of ['auto', 'net'])
  test(`engine ${engine}: each ended connection is a line that says who, where and how`, async (t) => {
    await httpPod(t, a);
    const program = await startProgram(t, {
      config: configOf([{ backends: [a] }], { engine, log: { access: { level: 'info' } } }),
    });
    await ask(vip);
    const line = await program.line(({ reason }) => reason === 'closed', 'a connection was closed');
    const text = JSON.stringify(line);
    // TCP_INFO is what net has no way to.
    const asks = (await program.engine()) === 'native';
    assert.deepEqual(
      ['rttMs', 'retransmits'].map((field) => field in line),
      [asks, asks],
    );
    if (asks) assert.ok(Number(line.rttMs) > 0 && line.retransmits === 0, JSON.stringify(line));
    for (const word of [vip, `${a}:8080`, '127.0.0.1']) assert.ok(text.includes(word), `${word} in ${text}`);
  });

test('a connection that no endpoint took is a line, and a metric, with the error behind it', async (t) => {
  const program = await startProgram(t, {
    config: configOf([{ backends: [a] }], { log: { access: { level: 'info' } } }),
  });
  await assert.rejects(ask(vip));
  const isEnding = ({ msg }: Record<string, unknown>) => msg === 'flow ended';
  const line = await program.line((line) => isEnding(line) && line.reason === 'connect-failed', 'a connection failed');
  const warnings = program.lines().filter(({ level }) => level === 'warn');
  assert.deepEqual(
    warnings.map(({ reason, service }) => [reason, service]),
    ['connect-refused', 'connect-failed'].map((reason) => [reason, line.service]),
  );
  assert.deepEqual([line.lastFailure, line.lastFailureCode], ['connect-refused', 'ECONNREFUSED']);
  const { body } = await program.get(`/explain?client=127.0.0.1&frontend=${line.vip}`);
  assert.equal((JSON.parse(body) as ExplainResponse).found?.endpoints[0]?.failedTries, 1);
  const errors = samplesOf(await program.metrics(), 'sluice_socket_errors_total');
  assert.deepEqual(
    errors.map(({ labels, value }) => [labels.code, value]),
    [['ECONNREFUSED', 1]],
  );
});
