import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Linked, LinkedList } from '../../../src/relay/linked-list.ts';

interface Member extends Linked<Member> {
  readonly id: number;
}

const members = (count: number): Member[] =>
  Array.from({ length: count }, (_, id) => ({ id, older: undefined, newer: undefined }));

function ids(list: LinkedList<Member>): number[] {
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
      const list = new LinkedList<Member>();
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

test('a walk goes from the oldest to the newest, and survives the removal of what it gave', () => {
  interface Node {
    readonly name: string;
    older: Node | undefined;
    newer: Node | undefined;
  }
  const nodes = ['a', 'b', 'c'].map((name): Node => ({ name, older: undefined, newer: undefined }));
  const list = new LinkedList<Node>();
  for (const node of nodes) list.add(node);
  const walk: string[] = [];
  for (const node of list) {
    walk.push(node.name);
    list.remove(node);
  }
  assert.deepEqual([walk, [...list]], [['a', 'b', 'c'], []]);
});
