import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ActivityList, type Linked } from '../../../src/relay/net/udp-activity.ts';

interface Member extends Linked<Member> {
  readonly id: number;
}

const members = (count: number): Member[] =>
  Array.from({ length: count }, (_, id) => ({ id, older: undefined, newer: undefined }));

function ids(list: ActivityList<Member>): number[] {
  const found: number[] = [];
  let last: Member | undefined;
  for (let member = list.oldest; member !== undefined; member = member.newer) {
    assert.equal(member.older, last);
    found.push(member.id);
    last = member;
  }
  return found;
}

test('law: it is what an array would be, after any sequence of add, remove and touch', () => {
  const step = fc.tuple(fc.constantFrom('add', 'remove', 'touch'), fc.nat(5));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const all = members(6);
      const list = new ActivityList<Member>();
      let model: number[] = [];
      for (const [action, id] of steps) {
        const member = all[id];
        if (member === undefined || (action === 'add') === model.includes(id)) continue;
        list[action](member);
        model = model.filter((other) => other !== id);
        if (action !== 'remove') model.push(id);
        assert.deepEqual(ids(list), model);
      }
    }),
  );
});
