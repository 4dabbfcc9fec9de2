import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Problem } from '../../src/base/errors.ts';
import { emptyHost, type HostState } from '../../src/vip/host.ts';
import type { Applied } from '../../src/vip/part.ts';
import { checkEveryMs, Vips } from '../../src/vip/vips.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { ip } from '../support/model.ts';

const hostWith = (address: string): HostState => ({ ...emptyHost, addresses: new Set([ip(address)]) });
const broken: Problem = { code: 'VIP_COMMAND_FAILED', message: 'no' };

/** A part that holds what it was told last, and does as a test says. */
class FakePart {
  readonly seen: HostState[] = [];
  next: Applied = { changes: 1, problems: [] };
  gate: Promise<void> = Promise.resolve();

  async sync(desired: HostState): Promise<Applied> {
    this.seen.push(desired);
    await this.gate;
    return this.next;
  }
}

function rig() {
  const part = new FakePart();
  const clock = new FakeClock();
  const problems: (readonly Problem[])[] = [];
  const repaired: number[] = [];
  const vips = new Vips({
    parts: [part],
    clock,
    onProblems: (list) => problems.push(list),
    onRepaired: (changes) => repaired.push(changes),
  });
  /** Lets a check that is due run to its end. */
  const pass = async (ms: number) => {
    clock.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { part, clock, problems, repaired, vips, pass };
}

test('where nothing is wanted and nothing was made, nothing is done', async () => {
  const { part, clock, vips } = rig();
  await vips.sync({ ...emptyHost });
  await vips.close();
  assert.equal(part.seen.length, 0);
  assert.equal(clock.pending, 0);
});

test('the same state again is done already', async () => {
  const { part, vips } = rig();
  const host = hostWith('10.96.0.1');
  assert.equal(vips.isDone(host), false);
  await vips.sync(host);
  assert.equal(vips.isDone(host), true);
  await vips.sync(host);
  assert.equal(part.seen.length, 1);
});

test('what others changed is put back by the next check, and told', async () => {
  const { part, repaired, vips, pass } = rig();
  await vips.sync(hostWith('10.96.0.1'));
  assert.deepEqual(repaired, [], 'the first time is no repair');
  part.next = { changes: 0, problems: [] };
  await pass(checkEveryMs);
  part.next = { changes: 2, problems: [] };
  await pass(checkEveryMs);
  assert.equal(part.seen.length, 3);
  assert.deepEqual(repaired, [2]);
});

test('a failure is told once, tried again soon, and told when it is over', async () => {
  const { part, problems, repaired, vips, pass } = rig();
  part.next = { changes: 1, problems: [broken] };
  const host = hostWith('10.96.0.1');
  await vips.sync(host);
  assert.equal(vips.isDone(host), false);
  await pass(500);
  await pass(1_000);
  assert.equal(part.seen.length, 3);
  assert.deepEqual(problems, [[broken]]);
  part.next = { changes: 1, problems: [] };
  await pass(checkEveryMs);
  assert.deepEqual(problems, [[broken], []]);
  assert.deepEqual(repaired, [], 'what never was right was not repaired');
});

test('of states that come while one is made, only the last is made', async () => {
  const { part, vips } = rig();
  let open = () => {};
  part.gate = new Promise((resolve) => {
    open = resolve;
  });
  const [first, second, third] = ['10.96.0.1', '10.96.0.2', '10.96.0.3'].map(hostWith) as [
    HostState,
    HostState,
    HostState,
  ];
  const all = [vips.sync(first), vips.sync(second), vips.sync(third)];
  open();
  await Promise.all(all);
  assert.deepEqual(part.seen, [first, third]);
});

test('the end removes everything, and nothing is checked after it', async () => {
  const { part, clock, vips } = rig();
  await vips.sync(hostWith('10.96.0.1'));
  await vips.close();
  assert.deepEqual(part.seen.at(-1), emptyHost);
  assert.equal(clock.pending, 0);
});

test('the end while a state is being made comes after it', async () => {
  const { part, clock, vips } = rig();
  const making = vips.sync(hostWith('10.96.0.1'));
  await vips.close();
  await making;
  assert.equal(part.seen.length, 2);
  assert.deepEqual(part.seen.at(-1), emptyHost);
  assert.equal(clock.pending, 0);
});
