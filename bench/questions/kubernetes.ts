import { join } from 'node:path';
import type { Metric, Question } from '../question.ts';
import { milliseconds } from '../show.ts';
import { median } from '../support/statistics.ts';

const program = join(import.meta.dirname, '..', 'support', 'kubernetes-program.ts');
const endpoints = 20;
const changes = 100;

interface Result {
  readonly firstMs: number;
  readonly changesMs: readonly number[];
  readonly heapKib: number;
  readonly rssKib: number;
}

const row = (key: string, label: string): Metric => ({ key, label, show: milliseconds });
const mebibytes = (kib: number) => `${(kib / 1024).toFixed(1)} MiB`;

/**
 * From an event at an API server to the published snapshot, the batch of 20 ms included, with 5,000 services of twenty
 * endpoints; and what the feed and the table keep of them. It needs no relay, so it is asked once.
 */
export const kubernetes: Question = {
  name: 'kubernetes',
  needs: [],
  rounds: () => 1,
  concerns: ({ engine }) => engine === 'net',
  metrics: [
    { ...row('p99Ms', 'kubernetes, event to effect, p99'), target: { of: 'value', atMost: { net: 100 } } },
    row('p50Ms', '  p50'),
    row('firstMs', '  first list of all of them'),
    { key: 'heapKib', label: '  heap for all of them, 20 endpoints each', show: mebibytes },
    { key: 'rssKib', label: '  growth of RSS', show: mebibytes },
  ],
  async measure({ rig, pace }) {
    const args = ['--expose-gc', ...rig.node.typescript, program, `${pace.services}`, `${endpoints}`, `${changes}`];
    const { stdout } = await rig.processes.run(rig.node.path, args);
    const { firstMs, changesMs, heapKib, rssKib } = JSON.parse(stdout) as Result;
    const sorted = changesMs.toSorted((one, other) => one - other);
    const p99Ms = sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
    return { p99Ms, p50Ms: median(changesMs), firstMs, heapKib, rssKib };
  },
};
