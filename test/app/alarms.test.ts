import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Alarms } from '../../src/app/alarms.ts';
import { connectFailures, type EndReason } from '../../src/model/reason.ts';
import { Target } from '../../src/model/target.ts';
import type { Ending } from '../../src/relay/relay.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { endingOf, flowOf } from '../support/flows.ts';
import { frontendOf, servicePortNamed } from '../support/live-views.ts';
import { recordingLogger } from '../support/log-lines.ts';
import { endpoint } from '../support/model.ts';

const frontend = frontendOf(servicePortNamed('web'));
const target = new Target(endpoint('10.1.0.1'));

function alarms() {
  const { logger, lines } = recordingLogger();
  const clock = new FakeClock();
  const { observer } = new Alarms({ logger, clock });
  const close = (reason: EndReason, over: Partial<Ending> = {}) =>
    observer.flowClosed?.(frontend, flowOf(frontend), endingOf(reason, over));
  return { observer, clock, lines, close };
}

test('a storm is one line a period, which counts those before it', () => {
  const { observer, clock, lines } = alarms();
  for (let count = 0; count < 1_000; count += 1) observer.acceptFailed?.(frontend, 'EMFILE');
  assert.equal(lines.length, 1);
  assert.deepEqual(lines[0], {
    level: 'warn',
    reason: 'accept-failed',
    frontend: frontend.key,
    code: 'EMFILE',
    suppressed: 0,
    msg: lines[0]?.msg,
  });
  assert.match(String(lines[0]?.msg), /LimitNOFILE/);
  clock.advance(9_999);
  observer.acceptFailed?.(frontend, 'EMFILE');
  assert.equal(lines.length, 1);
  clock.advance(1);
  observer.acceptFailed?.(frontend, 'EMFILE');
  assert.equal(lines.length, 2);
  assert.equal(lines[1]?.suppressed, 1_000);
});

test('each kind has its own period', () => {
  const { observer, lines, close } = alarms();
  observer.acceptFailed?.(frontend, 'EMFILE');
  observer.connectFailed?.(frontend, target, 'ports-exhausted', true);
  close('limit-process');
  observer.datagramDropped?.(frontend, 'descriptors-exhausted');
  close('descriptors-exhausted');
  assert.deepEqual(
    lines.map(({ reason }) => reason),
    ['accept-failed', 'ports-exhausted', 'limit-process', 'descriptors-exhausted'],
  );
  for (const { msg } of lines) assert.match(String(msg), / /, 'it says what can be done');
});

test('an endpoint that cannot be reached is told once a minute, with its service and what to look at', () => {
  const { observer, clock, lines } = alarms();
  for (let count = 0; count < 3; count += 1) observer.connectFailed?.(frontend, target, 'connect-refused', true);
  observer.connectFailed?.(frontend, new Target(endpoint('10.1.0.2')), 'connect-refused', true);
  assert.deepEqual(
    lines.map(({ msg: _, ...fields }) => fields),
    ['10.1.0.1:8080', '10.1.0.2:8080'].map((endpoint) => {
      const about = { service: 'default/web', frontend: frontend.key, endpoint };
      return { level: 'warn', reason: 'connect-refused', ...about, suppressed: 0 };
    }),
  );
  clock.advance(59_999);
  observer.connectFailed?.(frontend, target, 'connect-refused', true);
  assert.equal(lines.length, 2);
  clock.advance(1);
  observer.connectFailed?.(frontend, target, 'connect-refused', true);
  assert.equal(lines[2]?.suppressed, 3);
});

test('clients that cannot be accepted for want of memory need no more descriptors', () => {
  const { observer, lines } = alarms();
  for (const code of ['EMFILE', 'ENOMEM', 'ENOBUFS']) observer.acceptFailed?.(frontend, code);
  assert.deepEqual(
    lines.map(({ reason, code }) => [reason, code]),
    [
      ['accept-failed', 'EMFILE'],
      ['memory-exhausted', 'ENOMEM'],
    ],
  );
});

test('each way not to reach an endpoint has its advice', () => {
  const { observer, lines } = alarms();
  for (const failure of connectFailures) observer.connectFailed?.(frontend, target, failure, true);
  assert.equal(lines.length, connectFailures.length);
  for (const { msg } of lines) assert.match(String(msg), / /);
});

test('a service whose clients are refused is told; not again where this host is why', () => {
  const { observer, lines, close } = alarms();
  close('no-endpoint', { lastFailure: undefined });
  observer.datagramDropped?.(frontend, 'no-endpoint');
  close('connect-failed', { lastFailure: 'ports-exhausted' });
  close('connect-failed', { lastFailure: 'connect-refused' });
  observer.datagramDropped?.(frontend, 'no-local-endpoint');
  assert.deepEqual(
    lines.map(({ reason, service }) => [reason, service]),
    ['no-endpoint', 'connect-failed', 'no-local-endpoint'].map((reason) => [reason, 'default/web']),
  );
  for (const { msg } of lines) assert.match(String(msg), / refused/);
});

test('a hundred lines a minute are enough, whatever breaks', () => {
  const { observer, clock, lines } = alarms();
  const failAll = () => {
    for (let host = 1; host <= 200; host += 1)
      observer.connectFailed?.(frontend, new Target(endpoint(`10.1.0.${host}`)), 'connect-timeout', true);
  };
  failAll();
  failAll();
  assert.equal(lines.length, 100);
  clock.advance(60_000);
  failAll();
  assert.equal(lines.length, 200);
});

test('what is wrong with this host is told, however many endpoints are told of', () => {
  const { observer, lines } = alarms();
  for (let host = 1; host <= 200; host += 1)
    observer.connectFailed?.(frontend, new Target(endpoint(`10.1.0.${host}`)), 'connect-timeout', true);
  observer.acceptFailed?.(frontend, 'EMFILE');
  observer.acceptFailed?.(frontend, 'EMFILE');
  assert.deepEqual([lines.length, lines.at(-1)?.reason], [101, 'accept-failed']);
});

test('what is as it should be is no alarm', () => {
  const { observer, lines, close } = alarms();
  observer.datagramDropped?.(frontend, 'source-not-allowed');
  close('closed');
  close('limit-service');
  assert.deepEqual(lines, []);
});
