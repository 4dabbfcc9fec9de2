import type { Column, Context, Question } from '../question.ts';
import { rate, wholeMicroseconds } from '../show.ts';
import { median } from '../support/statistics.ts';

/** Half of what the slowest subject reached in `requests`; without that answer, of a short try. */
async function halfLoad(context: Context, columns: readonly Column[]): Promise<number> {
  const rates: number[] = [];
  for (const { subject, running } of columns) {
    const samples = context.known.get('requests')?.get(subject.name) ?? [];
    if (samples.length > 0) rates.push(median(samples.map((sample) => sample.rate ?? Number.NaN)));
    else if (running.web !== undefined) rates.push((await context.loads.requests(running.web, 0.3)).perSecond);
  }
  return Math.round(Math.min(...rates) / 2);
}

/**
 * Latency when there is room to spare: at full load a closed loop measures only its own queue. The load is an open
 * loop (load.c), so that a stall counts for every request that was due in it; wrk has no fixed rate.
 */
export const latency: Question = {
  name: 'latency',
  needs: ['cc', 'nginx', 'wrk'],
  concerns: ({ hasTcp }) => hasTcp,
  metrics: [
    { key: 'p50', label: 'latency p50 at half load', show: wholeMicroseconds, baseline: 'HAProxy' },
    { key: 'p99', label: 'latency p99 at half load', show: wholeMicroseconds, baseline: 'HAProxy' },
    // Below 1, the machine was too busy for this rate, and the latencies are those of a queue that grew.
    { key: 'answered', label: '  answered of those due', show: (share) => `${(100 * share).toFixed(0)} %` },
  ],
  async prepare(context, columns) {
    const perSecond = await halfLoad(context, columns);
    const note = `half load is ${rate(perSecond)} requests/s: half of what the slowest of them reached`;
    return { note, perSecond };
  },
  async measure({ loads, pace }, { running }, setting) {
    if (running.web === undefined || setting === undefined) throw new Error('does not listen');
    const { p50, p99, done } = await loads.paced(running.web, setting.perSecond, pace.seconds);
    if (done === 0) throw new Error('nothing was answered');
    return { p50: p50 * 1e3, p99: p99 * 1e3, answered: done / (setting.perSecond * pace.seconds) };
  },
};
