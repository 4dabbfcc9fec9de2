import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delivery, drain } from '../../src/app/drain.ts';
import { Rig, settle } from '../frontend/rig.ts';
import { FakeClock } from '../support/fake-clock.ts';
import type { FakeFlow } from '../support/fake-engine.ts';
import { recordingLogger } from '../support/log-lines.ts';

const vip = '10.96.0.1';

async function draining(protocol: 'TCP' | 'UDP', flows: number, timeoutMs = 30_000) {
  const rig = new Rig();
  await rig.apply({ web: { vips: [vip], endpoints: ['10.1.0.1'], protocol } });
  const carried: FakeFlow[] = [];
  for (let count = 0; count < flows; count += 1) {
    const flow = rig.listener(vip).open().carried;
    if (flow) carried.push(flow);
  }
  const { logger, lines } = recordingLogger();
  const done: { left?: number } = {};
  const { frontends, clock } = rig;
  void drain({ frontends, clock, logger, timeoutMs }).then((left) => {
    done.left = left;
  });
  const advance = async (ms: number) => {
    for (let step = 0; step < ms; step += 50) {
      clock.advance(Math.min(50, ms - step));
      await settle();
    }
  };
  await settle();
  return { rig, carried, lines, done, advance };
}

test('without flows it is over at once', async () => {
  const { done, lines } = await draining('TCP', 0);
  assert.equal(done.left, 0);
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['drained'],
  );
});

test('it waits for the last connection', async () => {
  const { rig, carried, done, advance, lines } = await draining('TCP', 2);
  const [one, two] = carried;
  assert.ok(one && two);
  rig.listener(vip).end(one);
  await advance(1_000);
  assert.equal(done.left, undefined);
  rig.listener(vip).end(two);
  await advance(50);
  assert.equal(done.left, 0);
  assert.equal(lines.at(-1)?.msg, 'drained');
});

test('after the timeout it tells how many are left', async () => {
  const { done, advance, lines } = await draining('TCP', 3, 1_000);
  await advance(950);
  assert.equal(done.left, undefined);
  await advance(50);
  assert.equal(done.left, 3);
  assert.equal(lines.at(-1)?.flows, 3);
});

test('progress is told every five seconds', async () => {
  const { advance, lines } = await draining('TCP', 1);
  await advance(11_000);
  assert.deepEqual(
    lines.map(({ msg, flows, remainingMs }) => ({ msg, flows, remainingMs })),
    [30_000, 25_000, 20_000].map((remainingMs) => ({ msg: 'draining', flows: 1, remainingMs })),
  );
});

test('a silent UDP session is not waited for', async () => {
  const { rig, done, advance } = await draining('UDP', 1);
  rig.listener(vip).idleMs = 1_999;
  await advance(500);
  assert.equal(done.left, undefined);
  rig.listener(vip).idleMs = 2_000;
  await advance(50);
  assert.equal(done.left, 0);
});

test('a timeout of 0 does not wait', async () => {
  const { done } = await draining('TCP', 1, 0);
  assert.equal(done.left, 1);
});

/** How many connections the kernel has left, look by look, and what became of the wait. */
async function delivering(left: readonly number[], end: number) {
  const clock = new FakeClock();
  const { logger, lines } = recordingLogger();
  const result = { isOver: false, looks: 0 };
  const undelivered = async () => left[result.looks++] ?? 0;
  void delivery({ undelivered, clock, logger, end }).then(() => {
    result.isOver = true;
  });
  await settle();
  const advance = async (ms: number) => {
    for (let step = 0; step < ms; step += 100) {
      clock.advance(100);
      await settle();
    }
  };
  return { result, advance, lines };
}

test('what the kernel has yet to deliver is waited for', async () => {
  const { result, advance, lines } = await delivering([2, 2, 1], 30_000);
  await advance(200);
  assert.equal(result.isOver, false);
  await advance(100);
  assert.deepEqual(result, { isOver: true, looks: 4 });
  assert.deepEqual(
    lines.map(({ msg, connections }) => [msg, connections]),
    [
      ['delivering', 2],
      ['delivering', 1],
    ],
  );
});

test('not longer than flows are waited for', async () => {
  const { result, advance } = await delivering(new Array(99).fill(1), 1_000);
  await advance(900);
  assert.equal(result.isOver, false);
  await advance(100);
  assert.equal(result.isOver, true);
});
