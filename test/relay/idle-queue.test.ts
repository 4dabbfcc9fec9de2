import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { IdleQueue, type Queued } from '../../src/relay/idle-queue.ts';

class Member implements Queued<Member> {
  queue: IdleQueue<Member> | undefined;
  queueIndex = 0;
  seenActiveMs = 0;
  seenOrder = 0;
  lastActiveMs: number;

  constructor(lastActiveMs: number) {
    this.lastActiveMs = lastActiveMs;
  }
}

const actions = fc.array(
  fc.record({ kind: fc.constantFrom('add', 'move', 'remove', 'ask'), at: fc.nat(1_000), by: fc.nat(50) }),
  { maxLength: 200 },
);

function assertKnows(queue: IdleQueue<Member>, members: ReadonlySet<Member>): void {
  const earliest = Math.min(...[...members].map(({ lastActiveMs }) => lastActiveMs));
  assert.equal(queue.longestIdle()?.lastActiveMs, members.size === 0 ? undefined : earliest);
  assert.equal(queue.longestIdle(earliest - 1), undefined);
  assert.ok((queue.earliestMs ?? 0) <= earliest);
  assert.deepEqual(new Set(queue), members);
}

function act(queue: IdleQueue<Member>, members: Set<Member>, kind: string, one: Member, by: number): void {
  if (kind === 'ask') assertKnows(queue, members);
  else if (kind === 'move') one.lastActiveMs += by;
  else if (kind === 'remove') {
    if (members.delete(one)) queue.remove(one);
  } else {
    const member = new Member(by);
    members.add(member);
    queue.add(member);
  }
}

test('whoever is idle longest is found, whatever came, moved and went before', () => {
  fc.assert(
    fc.property(actions, (all) => {
      const queue = new IdleQueue<Member>();
      const members = new Set<Member>();
      for (const { kind, at, by } of all) {
        const one = [...members][at % Math.max(members.size, 1)] ?? new Member(0);
        act(queue, members, kind, one, by);
      }
      assertKnows(queue, members);
      assert.equal(queue.size, members.size);
    }),
  );
});

test('of those idle equally long, the first that came is first', () => {
  const queue = new IdleQueue<Member>();
  const members = Array.from({ length: 20 }, () => new Member(5));
  for (const member of members) queue.add(member);
  for (const member of members) {
    assert.equal(queue.longestIdle(), member);
    queue.remove(member);
  }
});

test('nobody is looked at who was active since', () => {
  const queue = new IdleQueue<Member>();
  queue.add(new Member(5));
  assert.equal(queue.longestIdle(4), undefined);
  assert.equal(queue.longestIdle(5)?.lastActiveMs, 5);
  assert.equal(new IdleQueue<Member>().longestIdle(), undefined);
});
