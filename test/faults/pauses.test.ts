import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { assertNoErrors, connectFailures, endings, settled } from '../support/books.ts';
import { diallingTo } from '../support/listeners.ts';
import { ask } from '../support/load.ts';
import { startProgram } from '../support/program.ts';
import { hole } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { configOf, frontendAt, service } from './service.ts';

const connectTimeoutMs = 2_500;

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
