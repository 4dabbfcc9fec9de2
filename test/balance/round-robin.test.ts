import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Picker } from '../../src/balance/picker.ts';
import { roundRobin } from '../../src/balance/round-robin.ts';
import { Target } from '../../src/model/target.ts';
import { endpoint, targetsOf } from '../support/model.ts';

const random = () => 0;
const client = '127.0.0.1';
const over = (targets: readonly Target[], previous?: Picker) => roundRobin({ targets, previous, random });

/** The next picks as letters: A is the first of `all`. */
function letters(picker: Picker, all: readonly Target[], count: number): string {
  return Array.from({ length: count }, () => {
    const target = picker.pick(client, undefined);
    return target === undefined ? '-' : String.fromCharCode(65 + all.indexOf(target));
  }).join('');
}

/** The targets whose letters are in `names`. */
function named(all: readonly Target[], names: string): readonly Target[] {
  return [...names].flatMap((name) => all[name.charCodeAt(0) - 65] ?? []);
}

const changes: { name: string; before: string; picks: number; after: string; goesOn: string }[] = [
  { name: 'nothing changes', before: 'ABC', picks: 1, after: 'ABC', goesOn: 'BCABCA' },
  { name: 'the next one goes', before: 'ABC', picks: 1, after: 'AC', goesOn: 'CACA' },
  { name: 'the last picked goes', before: 'ABC', picks: 1, after: 'BC', goesOn: 'BCBC' },
  { name: 'the last of the round goes when it is next', before: 'ABC', picks: 2, after: 'AB', goesOn: 'ABAB' },
  { name: 'one is added at the end', before: 'ABC', picks: 2, after: 'ABCD', goesOn: 'CDABCD' },
  { name: 'one is added in front', before: 'BC', picks: 1, after: 'ABC', goesOn: 'CABC' },
  { name: 'one is added before the next', before: 'ABD', picks: 2, after: 'ABCD', goesOn: 'DABCD' },
  { name: 'all are replaced', before: 'AB', picks: 1, after: 'CD', goesOn: 'CDCD' },
  { name: 'the list becomes empty', before: 'AB', picks: 1, after: '', goesOn: '--' },
];

for (const { name, before, picks, after, goesOn } of changes) {
  test(`round robin keeps its position: ${name}`, () => {
    const all = targetsOf([1, 1, 1, 1]);
    const old = over(named(all, before));
    letters(old, all, picks);
    assert.equal(letters(over(named(all, after), old), all, goesOn.length), goesOn);
  });
}

test('round robin goes A B C A', () => {
  const all = targetsOf([1, 1, 1]);
  assert.equal(letters(over(all), all, 7), 'ABCABCA');
});

test('equal weights of any size go in turn', () => {
  const all = targetsOf([7, 7]);
  assert.equal(letters(over(all), all, 4), 'ABAB');
});

test('weight 0 gets no flows', () => {
  const all = targetsOf([1, 0, 1]);
  assert.equal(letters(over(all), all, 4), 'ACAC');
  assert.equal(over(targetsOf([0, 0])).pick(client, undefined), undefined);
});

test('weights 5 1 1 give a a b a c a a, as nginx does', () => {
  const all = targetsOf([5, 1, 1]);
  assert.equal(letters(over(all), all, 14), 'AABACAAAABACAA');
});

test('a retry goes to the next that was not tried', () => {
  for (const weights of [
    [1, 1, 1],
    [3, 1, 1],
  ]) {
    const all = targetsOf(weights);
    const picker = over(all);
    const tried = named(all, 'AB');
    assert.equal(picker.pick(client, tried), all[2]);
    assert.equal(picker.pick(client, all), undefined);
  }
});

test('law: what a target that fails does not take, the others share by weight', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 5 });
  fc.assert(
    fc.property(weights, fc.nat(), (list, index) => {
      const all = targetsOf(list);
      const failing = all[index % all.length] as Target;
      const left = all.filter((target) => target !== failing);
      const picker = over(all);
      const total = list.reduce((sum, weight) => sum + weight, 0);
      const counts = new Map<Target | undefined, number>();
      for (let flow = 0; flow < total * (total - failing.endpoint.weight); flow += 1) {
        const first = picker.pick(client, undefined);
        const target = first === failing ? picker.pick(client, [failing]) : first;
        counts.set(target, (counts.get(target) ?? 0) + 1);
      }
      for (const target of left) assert.equal(counts.get(target), total * target.endpoint.weight);
    }),
  );
});

test('weights that become unequal go on where the turn was', () => {
  const all = targetsOf([10, 10, 10]);
  const old = over(all);
  letters(old, all, 1);
  for (const target of named(all, 'C')) target.endpoint = { ...target.endpoint, weight: 20 };
  assert.equal(letters(over(all, old), all, 3), 'CBC');
});

test('weights that become equal go on with the one that is owed the most', () => {
  const all = targetsOf([1, 1, 1, 2]);
  const weightedPicker = over(all);
  letters(weightedPicker, all, 2);
  const equal = over(named(all, 'ABC'), weightedPicker);
  assert.deepEqual([...(weightedPicker.credits?.().values() ?? [])], [-3, 2, 2, -1]);
  assert.equal(letters(equal, all, 4), 'BCAB');
});

test('a newcomer has its turn within a period, however many came and left in debt before it', () => {
  const veterans = targetsOf([3, 1]);
  let picker = over(veterans);
  for (let round = 1; round <= 200; round += 1) {
    const newcomer = new Target(endpoint(`127.2.0.${round}`, { weight: 2 }));
    picker = over([...veterans, newcomer], picker);
    const picks = Array.from({ length: 6 }, () => picker.pick(client, undefined));
    const first = picks.indexOf(newcomer);
    assert.ok(first >= 0, `round ${round}`);
    // It leaves right after a turn that it has not yet paid for.
    const indebted = over([...veterans, newcomer], picker);
    while (indebted.pick(client, undefined) !== newcomer);
    picker = over(veterans, indebted);
  }
});

test('law: any window over n equal targets is fair to one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.nat(30), fc.nat(60), (count, skip, window) => {
      const all = targetsOf(Array.from({ length: count }, () => 1));
      const picker = over(all);
      letters(picker, all, skip);
      const picks = [...letters(picker, all, window)];
      const counts = all.map((_, index) => picks.filter((pick) => pick === String.fromCharCode(65 + index)).length);
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1);
    }),
  );
});

test('law: each period of smooth weighted round robin gives every target exactly its weight', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(9), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 3 }),
      (weights, periods) => {
        const all = targetsOf(weights);
        const picker = over(all);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (let period = 0; period < periods; period += 1) {
          const picks = Array.from({ length: total }, () => picker.pick(client, undefined));
          assert.deepEqual(
            all.map((target) => picks.filter((pick) => pick === target).length),
            weights,
          );
        }
      },
    ),
  );
});

/** Each target but the veterans stays or goes, newcomers are put in anywhere; the order of those who stay stays. */
const edits = fc.array(
  fc.record({
    picks: fc.nat(7),
    keep: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
    places: fc.array(fc.nat(10), { maxLength: 2 }),
  }),
  { maxLength: 8 },
);

test('law: across edits nobody who stays is skipped or doubled', () => {
  fc.assert(
    fc.property(edits, fc.integer({ min: 2, max: 4 }), fc.nat(4), (steps, stay, others) => {
      const veterans = targetsOf(Array.from({ length: stay }, () => 1));
      let made = 0;
      const newcomer = () => {
        made += 1;
        return new Target(endpoint(`127.2.0.${made}`));
      };
      let list: readonly Target[] = [...veterans, ...Array.from({ length: others }, newcomer)];
      let picker = over(list);
      const history: (Target | undefined)[] = [];
      const run = (count: number) => {
        for (let step = 0; step < count; step += 1) history.push(picker.pick(client, undefined));
      };
      for (const { picks, keep, places } of steps) {
        run(picks);
        const next = list.filter((target, index) => veterans.includes(target) || keep[index % keep.length]);
        for (const place of places) next.splice(place % (next.length + 1), 0, newcomer());
        list = next;
        picker = over(list, picker);
      }
      run(list.length * 2);
      const turns = history.filter((target) => target !== undefined && veterans.includes(target));
      assert.ok(turns.length >= veterans.length * 2);
      for (const [index, target] of turns.entries()) assert.equal(target, veterans[index % veterans.length]);
    }),
  );
});
