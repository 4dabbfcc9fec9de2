import type { Column, Context, Metric, Question } from '../question.ts';
import { rate, wholeMicroseconds } from '../show.ts';
import type { Running, Subject } from '../subjects/subject.ts';
import type { PacedKind } from '../support/loads.ts';
import { median } from '../support/statistics.ts';
import { connections, known, requests, udp } from './throughput.ts';

interface Init {
  readonly name: string;
  /** What one is, for people. */
  readonly what: string;
  readonly kind: PacedKind;
  /** The question that knows the full load. */
  readonly after: Question;
  readonly baseline: string;
  placeOf(running: Running): Running['web'];
  concerns(subject: Subject): boolean;
}

/** A percentile of many short rounds is steadier than that of one long one, which a single stall can spoil. */
const longestSeconds = 0.5;
const noLater = { of: 'ratio', atMost: { native: 1, native0: 1 } } as const;

/**
 * Latency when there is room to spare: at full load a closed loop measures only its own queue. The load is an open
 * loop (load.c), so that a stall counts for every request that was due in it; wrk has no fixed rate.
 */
function latencyOf({ name, what, kind, after, baseline, placeOf, concerns }: Init): Question {
  const row = (key: string, label: string): Metric => ({ key, label, show: wholeMicroseconds, baseline });
  return {
    name,
    needs: [...new Set(['cc' as const, ...after.needs])],
    rounds: (asked) => 3 * asked - 2,
    concerns,
    metrics: [
      row('p50', `${what} at half load, p50`),
      { ...row('p99', '  p99'), target: noLater },
      // Below 1, the machine was too busy for this rate, and the latencies are those of a queue that grew.
      { key: 'answered', label: '  answered of those due', show: (share) => `${(100 * share).toFixed(1)} %` },
    ],
    async prepare(context, columns) {
      const perSecond = await halfLoad(after, context, columns);
      return {
        note: `half load is ${rate(perSecond)} ${what}s/s: half of what the slowest of them reached`,
        perSecond,
      };
    },
    async measure({ loads, pace }, { running }, setting) {
      const { perSecond = 1_000 } = setting ?? {};
      const seconds = Math.min(pace.seconds, longestSeconds);
      const { p50, p99, done, due } = await loads.paced(kind, known(placeOf(running)), perSecond, seconds);
      if (done === 0) throw new Error('nothing was answered');
      return { p50: p50 * 1e3, p99: p99 * 1e3, answered: done / due };
    },
  };
}

/** Half of what the slowest subject reached at full load; without that answer, of a short try. */
async function halfLoad(after: Question, context: Context, columns: readonly Column[]): Promise<number> {
  const rates: number[] = [];
  for (const column of columns) {
    const samples = context.known.get(after.name)?.get(column.subject.name) ?? [await tried(after, context, column)];
    rates.push(median(samples.map((sample) => sample.rate ?? Number.NaN)));
  }
  return Math.round(Math.min(...rates) / 2);
}

function tried(question: Question, context: Context, column: Column) {
  return question.measure({ ...context, pace: { ...context.pace, seconds: 0.3 } }, column, undefined);
}

const web = {
  baseline: 'HAProxy',
  placeOf: (running: Running) => running.web,
  concerns: (subject: Subject) => subject.hasTcp,
};

export const requestLatency = latencyOf({
  ...web,
  name: 'latency',
  what: 'request',
  kind: 'request',
  after: requests,
});

export const connectionLatency = latencyOf({
  ...web,
  name: 'connection-latency',
  what: 'connection',
  kind: 'connection',
  after: connections,
});

export const udpLatency = latencyOf({
  name: 'udp-latency',
  what: 'UDP round trip',
  kind: 'datagram',
  after: udp,
  baseline: 'nginx',
  placeOf: (running) => running.udp,
  concerns: ({ hasUdp }) => hasUdp,
});
