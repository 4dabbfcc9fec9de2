import type { Metric, Question, Sample } from '../question.ts';
import { microseconds, rate, seconds } from '../show.ts';
import { metered, type Usage } from '../support/cpu.ts';
import type { Place } from '../support/ready.ts';

interface Unit {
  /** As in "proxy CPU per request". */
  readonly name: string;
  readonly show: (nanoseconds: number) => string;
  readonly baseline: string;
  readonly atMost: Readonly<Record<string, number>>;
}

const noSlower = { of: 'ratio', atLeast: { native: 1, native0: 1 } } as const;

/** The one at most for the `net` engine, the other for `native` however many threads it has. */
const atMost = (net: number, native: number) => ({ net, native, native0: native });

/** Three rows: the rate, what a unit of work costs the proxy, and what it costs the whole machine. */
function rowsOf(rateLabel: string, showRate: (perSecond: number) => string, unit: Unit): readonly Metric[] {
  const { name, show, baseline } = unit;
  return [
    { key: 'rate', label: rateLabel, show: showRate, baseline, target: noSlower },
    { key: 'proxyNs', label: `  proxy CPU per ${name}`, show, baseline, target: { of: 'ratio', atMost: unit.atMost } },
    { key: 'machineNs', label: `  machine busy per ${name}`, show, baseline },
  ];
}

export function sampleOf(perSecond: number, units: number, { proxyNs, machineNs }: Usage): Sample {
  if (!(units > 0)) throw new Error('nothing was done');
  const proxy = proxyNs === undefined ? {} : { proxyNs: proxyNs / units };
  return { rate: perSecond, ...proxy, machineNs: machineNs / units };
}

export function known(place: Place | undefined): Place {
  if (place === undefined) throw new Error('does not listen');
  return place;
}

export const requests: Question = {
  name: 'requests',
  needs: ['wrk', 'nginx'],
  concerns: ({ hasTcp }) => hasTcp,
  metrics: rowsOf('keep-alive requests/s', rate, {
    name: 'request',
    show: microseconds,
    baseline: 'HAProxy',
    atMost: atMost(1.6, 0.95),
  }),
  async measure({ loads, pace }, { running }) {
    const [done, usage] = await metered(running.pid, () => loads.requests(known(running.web), pace.seconds));
    if (done.errors !== '') throw new Error(done.errors);
    return sampleOf(done.perSecond, done.requests, usage);
  },
};

export const connections: Question = {
  name: 'connections',
  needs: ['wrk', 'nginx'],
  concerns: ({ hasTcp }) => hasTcp,
  metrics: rowsOf('connections/s', rate, {
    name: 'connection',
    show: microseconds,
    baseline: 'HAProxy',
    atMost: atMost(1.7, 0.95),
  }),
  async measure({ loads, pace }, { running }) {
    const load = () => loads.connections(known(running.web), pace.seconds);
    const [done, usage] = await metered(running.pid, load);
    if (done.errors !== '') throw new Error(done.errors);
    return sampleOf(done.perSecond, done.requests, usage);
  },
};

export const bulk: Question = {
  name: 'bulk',
  needs: ['iperf3'],
  concerns: ({ hasTcp }) => hasTcp,
  metrics: rowsOf('GB/s, one stream', (gigabytes) => gigabytes.toFixed(2), {
    name: 'GB',
    show: seconds,
    baseline: 'HAProxy',
    atMost: atMost(1.8, 0.5),
  }),
  async measure({ loads, pace }, { running }) {
    const [done, usage] = await metered(running.pid, () => loads.bulk(known(running.bulk), pace.seconds));
    const gigabytes = done.bytes / 1e9;
    return sampleOf(gigabytes / done.seconds, gigabytes, usage);
  },
};

export const udp: Question = {
  name: 'udp',
  needs: ['cc'],
  concerns: ({ hasUdp }) => hasUdp,
  metrics: [
    ...rowsOf('UDP round trips/s, 200 B', rate, {
      name: 'UDP round trip',
      show: microseconds,
      baseline: 'nginx',
      atMost: atMost(2.2, 0.65),
    }),
    { key: 'lost', label: '  UDP lost per million', show: (share) => share.toFixed(0) },
  ],
  async measure({ loads, pace }, { running }) {
    const [done, usage] = await metered(running.pid, () => loads.datagrams(known(running.udp), pace.seconds));
    return { ...sampleOf(done.done / done.seconds, done.done, usage), lost: (1e6 * done.lost) / done.done };
  },
};
