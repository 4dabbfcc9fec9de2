import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Alarms } from '../../src/app/alarms.ts';
import type { EndReason } from '../../src/model/reason.ts';
import { Target } from '../../src/model/target.ts';
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
  const close = (reason: EndReason) => observer.flowClosed?.(frontend, flowOf(frontend), endingOf(reason));
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

test('what is not about this host is no alarm', () => {
  const { observer, lines, close } = alarms();
  observer.connectFailed?.(frontend, target, 'connect-refused', true);
  observer.datagramDropped?.(frontend, 'no-endpoint');
  close('closed');
  close('limit-service');
  assert.deepEqual(lines, []);
});
