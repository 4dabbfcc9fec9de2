import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Question } from '../../bench/question.ts';
import { failuresOf, reasonsOf } from '../../bench/report.ts';
import type { Answer } from '../../bench/summary.ts';

const question: Question = {
  name: 'q',
  needs: [],
  metrics: [{ key: 'rate', label: 'requests/s', show: String }],
  concerns: () => true,
  measure: async () => ({}),
};

describe('failuresOf', () => {
  const rows: [name: string, answer: Answer, failures: number][] = [
    ['a positive number is well', { kind: 'measured', column: 'a', samples: [{ rate: 1 }] }, 0],
    ['nothing done is a failure', { kind: 'measured', column: 'a', samples: [{ rate: 0 }] }, 1],
    ['a missing number is a failure', { kind: 'measured', column: 'a', samples: [{ other: 1 }] }, 1],
    ['not a number is a failure', { kind: 'measured', column: 'a', samples: [{ rate: Number.NaN }] }, 1],
    ['no round at all is a failure', { kind: 'measured', column: 'a', samples: [] }, 1],
    ['one bad round is enough', { kind: 'measured', column: 'a', samples: [{ rate: 1 }, { rate: -1 }] }, 1],
    ['a failure is one', { kind: 'failed', column: 'a', why: 'ended' }, 1],
    ['what is not installed is none', { kind: 'skipped', column: 'a', why: 'no a' }, 0],
  ];
  for (const [name, answer, failures] of rows)
    it(name, () => assert.equal(failuresOf(question, { answers: [answer] }).length, failures));
});

describe('reasonsOf', () => {
  it('tells each reason once', () => {
    const skipped: Answer = { kind: 'skipped', column: 'a', why: 'no a' };
    const failed: Answer = { kind: 'failed', column: 'b', why: 'ended' };
    const alike: Answer = { ...skipped, column: 'c' };
    assert.deepEqual(reasonsOf([skipped, failed, skipped, alike]), ['a, c skipped: no a', 'b failed: ended']);
  });
});
