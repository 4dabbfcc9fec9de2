import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Metric } from '../../bench/question.ts';
import { type Answer, summarize } from '../../bench/summary.ts';
import { gridOf, markdown, plainText } from '../../bench/table.ts';

const cpu: Metric = {
  key: 'cpu',
  label: 'CPU',
  show: (value) => `${value} µs`,
  baseline: 'peer',
  target: { of: 'ratio', atMost: { net: 1.6 } },
};
const memory: Metric = {
  key: 'kib',
  label: 'memory',
  show: (value) => `${value}`,
  target: { of: 'value', atMost: { net: 9 } },
};

const rate: Metric = {
  key: 'rate',
  label: 'rate',
  show: String,
  baseline: 'peer',
  target: { of: 'ratio', atLeast: { net: 1 } },
};

const ours: Answer = {
  kind: 'measured',
  column: 'ours',
  engine: 'net',
  samples: [
    { cpu: 3, kib: 8 },
    { cpu: 8, kib: 12 },
  ],
};
const peer: Answer = { kind: 'measured', column: 'peer', samples: [{ cpu: 2 }, { cpu: 4 }] };
const absent: Answer = { kind: 'skipped', column: 'absent', why: 'no peer2 (apt-get install peer2)' };

describe('summarize', () => {
  const [cpuRow, memoryRow] = summarize([cpu, memory], [ours, peer, absent]);

  it('gives the median and the ratio in the same rounds', () => {
    assert.deepEqual(cpuRow?.cells[0], { column: 'ours', value: 5.5, ratio: 1.75 });
    assert.deepEqual(cpuRow?.cells[1], { column: 'peer', value: 3, ratio: 1 });
  });
  it('says why there is no number', () => {
    assert.deepEqual(cpuRow?.cells[2], { column: 'absent', why: 'skipped: no peer2 (apt-get install peer2)' });
  });
  it('leaves a cell empty that the question does not fill', () => {
    assert.deepEqual(memoryRow?.cells[1], { column: 'peer' });
  });
  it('judges a ratio by the ratio', () => {
    assert.deepEqual(cpuRow?.verdicts, [{ column: 'ours', bound: 1.6, reached: false }]);
  });
  it('judges a value by the value, in every engine alone', () => {
    assert.deepEqual(memoryRow?.verdicts, [{ column: 'ours', bound: 9, reached: false }]);
    const small: Answer = { ...ours, samples: [{ kib: 9 }] };
    const other: Answer = { ...ours, column: 'other', engine: 'native' };
    const [row] = summarize([memory], [small, other]);
    assert.deepEqual(row?.verdicts, [{ column: 'ours', bound: 9, reached: true }]);
  });
  it('judges a rate by the least, as the table shows it', () => {
    const judged = [0.99, 0.996, 1.2].map((value) => {
      const samples: Answer[] = [
        { ...ours, samples: [{ rate: value }] },
        { ...peer, samples: [{ rate: 1 }] },
      ];
      return summarize([rate], samples)[0]?.verdicts[0]?.reached;
    });
    assert.deepEqual(judged, [false, true, true]);
  });
  it('gives no ratio and no verdict without the baseline', () => {
    const [row] = summarize([cpu], [ours, { kind: 'failed', column: 'peer', why: 'ended' }]);
    assert.deepEqual(row?.cells[0], { column: 'ours', value: 5.5 });
    assert.deepEqual(row?.verdicts, []);
  });
});

describe('the table', () => {
  const grid = gridOf(summarize([cpu, memory], [ours, peer, absent]), ['ours', 'peer', 'absent', 'stranger']);

  it('aligns numbers to the right and names to the left', () => {
    const [head, rule, first, second] = plainText(grid).split('\n');
    assert.equal(head, '                  ours            peer    absent   stranger   target');
    assert.equal(rule, '─'.repeat(first?.length ?? 0));
    assert.equal(first, 'CPU      5.5 µs  1.75× ✗   3 µs  1.00×   skipped          –   ≤ 1.6×');
    assert.equal(second, 'memory              10 ✗             –   skipped          –      ≤ 9');
  });
  it('is a table in Markdown too', () => {
    const [head, rule, first] = markdown(grid).split('\n');
    assert.match(head ?? '', /^\| {8}\| +ours \| +peer \| +absent \| +stranger \| +target \|$/);
    assert.match(rule ?? '', /^\| -{6} (\| -+: ){5}\|$/);
    assert.match(first ?? '', /^\| CPU {4}\| 5\.5 µs {2}1\.75× ✗ \|/);
    assert.equal(head?.length, rule?.length);
  });
});
