import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Problem } from '../../src/base/errors.ts';
import { emptyHost, type HostState } from '../../src/vip/host.ts';
import type { Applied } from '../../src/vip/part.ts';
import { checkEveryMs, Vips } from '../../src/vip/vips.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { ip } from '../support/model.ts';
import { FakeClaim } from './support.ts';

const hostWith = (address: string): HostState => ({ ...emptyHost, addresses: new Set([ip(address)]) });
const held: Problem = { code: 'VIP_HELD_BY_OTHER', message: 'another sluice' };
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
  const claim = new FakeClaim();
  const clock = new FakeClock();
  const problems: (readonly Problem[])[] = [];
  const repaired: number[] = [];
  const handedOver: string[] = [];
  const vips = new Vips({
    parts: [part],
    claim,
    clock,
    onProblems: (list) => problems.push(list),
    onRepaired: (changes) => repaired.push(changes),
    onHandedOver: () => handedOver.push('handed over'),
  });
  /** Lets a check that is due run to its end. */
  const pass = async (ms: number) => {
    clock.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { part, claim, clock, problems, repaired, handedOver, vips, pass };
}

test('where nothing is wanted and nothing was made, nothing is done', async () => {
  const { part, clock, vips } = rig();
  await vips.sync({ ...emptyHost });
  await vips.close();
  assert.equal(part.seen.length, 0);
  assert.equal(clock.pending, 0);
});

test('what is being made has to go again, if nothing is wanted any more', async () => {
  const { part, vips } = rig();
  const made = vips.sync(hostWith('10.96.0.1'));
  assert.equal(vips.isDone(emptyHost), false);
  await Promise.all([made, vips.sync(emptyHost)]);
  assert.deepEqual(part.seen.at(-1), emptyHost);
  assert.equal(vips.isDone(emptyHost), true);
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

test('who asks for a check need not wait for the next, and asks for none in the end', async () => {
  const { part, repaired, vips } = rig();
  await vips.check();
  assert.equal(part.seen.length, 0, 'nothing was made, so nothing can be missing');
  await vips.sync(hostWith('10.96.0.1'));
  part.next = { changes: 2, problems: [] };
  await vips.check();
  assert.deepEqual(repaired, [2]);
  await vips.close();
  const seen = part.seen.length;
  await vips.check();
  assert.equal(part.seen.length, seen);
});

test('a failure is told once, tried again soon, and told when it is over', async () => {
  const { part, problems, repaired, vips, pass } = rig();
  part.next = { changes: 1, problems: [broken] };
  const host = hostWith('10.96.0.1');
  await vips.sync(host);
  assert.equal(vips.isDone(host), true, 'snapshots are not kept waiting for it');
  await pass(500);
  await pass(1_000);
  assert.equal(part.seen.length, 3);
  assert.deepEqual(problems, [[broken]]);
  part.next = { changes: 1, problems: [] };
  await pass(checkEveryMs);
  assert.deepEqual(problems, [[broken], []]);
  assert.deepEqual(repaired, [], 'what never was right was not repaired');
});

test('the end tries once more to remove what could not be removed', async () => {
  const { part, problems, clock, vips } = rig();
  await vips.sync(hostWith('10.96.0.1'));
  part.next = { changes: 1, problems: [broken] };
  await vips.sync(emptyHost);
  part.next = { changes: 1, problems: [] };
  await vips.close();
  assert.equal(part.seen.length, 3);
  assert.deepEqual(problems, [[broken], []]);
  assert.equal(clock.pending, 0);
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

test('what another sluice has is not touched: told once, tried again, and taken over', async () => {
  const { part, claim, problems, repaired, vips, pass } = rig();
  claim.holder = held;
  const host = hostWith('10.96.0.1');
  await vips.sync(host);
  assert.equal(vips.isDone(host), true, 'snapshots are not kept waiting for it');
  for (let count = 0; count < 5; count += 1) await pass(checkEveryMs);
  assert.deepEqual(problems, [[held]]);
  assert.equal(part.seen.length, 0);
  claim.free();
  await pass(0);
  assert.deepEqual(part.seen, [host]);
  assert.deepEqual(problems, [[held], []]);
  assert.deepEqual(repaired, [], 'what the other left is no repair');
});

test('one who waited and is ended touches nothing, and is in no line any more', async () => {
  const { part, claim, clock, vips } = rig();
  claim.holder = held;
  await vips.sync(hostWith('10.96.0.1'));
  await vips.close();
  assert.equal(part.seen.length, 0);
  assert.equal(claim.isAsked, false);
  assert.equal(clock.pending, 0);
});

test('one who wants nothing any more has no problem, and waits for nothing', async () => {
  const { part, claim, clock, problems, vips } = rig();
  claim.holder = held;
  await vips.sync(hostWith('10.96.0.1'));
  await vips.sync({ ...emptyHost });
  assert.deepEqual(problems, [[held], []]);
  assert.equal(claim.isAsked, false);
  assert.equal(part.seen.length, 0);
  assert.equal(clock.pending, 0);
});

test('the claim is kept for as long as there is something on the host', async () => {
  const { part, claim, vips } = rig();
  await vips.sync(hostWith('10.96.0.1'));
  assert.equal(claim.isOurs, true);
  part.next = { changes: 1, problems: [broken] };
  await vips.sync({ ...emptyHost });
  assert.equal(claim.isOurs, true, 'something may be left');
  part.next = { changes: 1, problems: [] };
  await vips.sync({ ...emptyHost });
  assert.equal(claim.isOurs, false);
  await vips.sync(hostWith('10.96.0.2'));
  await vips.close();
  assert.equal(claim.isOurs, false);
});

test('handed over, all stays on the host, and the end takes nothing of it', async () => {
  const { part, claim, clock, handedOver, vips, pass } = rig();
  await vips.sync(hostWith('10.96.0.1'));
  vips.offer();
  assert.deepEqual([claim.isOurs, handedOver], [true, []], 'nobody waits yet');
  claim.want();
  await pass(checkEveryMs);
  assert.deepEqual([claim.isOurs, handedOver], [false, ['handed over']]);
  await vips.close();
  assert.equal(part.seen.length, 1);
  assert.equal(clock.pending, 0);
});

test('it is handed over between two changes, never within one', async () => {
  const { part, claim, vips, pass } = rig();
  let open = () => {};
  part.gate = new Promise((resolve) => {
    open = resolve;
  });
  const making = vips.sync(hostWith('10.96.0.1'));
  await pass(0);
  vips.offer();
  claim.want();
  await pass(0);
  assert.equal(claim.isOurs, true);
  open();
  await making;
  await pass(0);
  assert.equal(claim.isOurs, false);
  await vips.close();
  assert.equal(part.seen.length, 1);
});
