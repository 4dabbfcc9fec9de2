import { cpus } from 'node:os';
import type { Metric, Question } from '../question.ts';
import { microseconds, rate, seconds } from '../show.ts';
import { metered } from '../support/cpu.ts';
import { known, sampleOf } from './throughput.ts';

const baseline = 'sluice native';
/** Two relay threads and the event loop; the load and the backends have as much to do. */
const coresNeeded = 6;
const hasCores = cpus().length >= coresNeeded;
const streams = 8;

function rowsOf(key: string, label: string, unit: string, showRate = rate, showNs = microseconds): readonly Metric[] {
  const faster = { target: { of: 'ratio', atLeast: { native2: 1.5 } } } as const;
  return [
    { key: `${key}.rate`, label, show: showRate, baseline, ...(hasCores && faster) },
    { key: `${key}.proxyNs`, label: `  proxy CPU per ${unit}`, show: showNs, baseline },
  ];
}

/** What a second relay thread brings where there are cores for it, and what it costs where there are not. */
export const scaling: Question = {
  name: 'scaling',
  table: 'scaling: relay threads, × is the ratio to one thread',
  onRequest: true,
  needs: ['wrk', 'nginx', 'iperf3', 'cc'],
  concerns: ({ name, engine }) => name === baseline || engine === 'native2',
  metrics: [
    ...rowsOf('request', 'keep-alive requests/s', 'request'),
    ...rowsOf('connection', 'connections/s', 'connection'),
    ...rowsOf('bulk', `GB/s, ${streams} streams`, 'GB', (gigabytes) => gigabytes.toFixed(2), seconds),
    ...rowsOf('udp', 'UDP round trips/s, 200 B', 'UDP round trip'),
  ],
  async prepare() {
    const cores = cpus().length;
    const enough = `scaling: on ${cores} cores, ${coresNeeded} are enough for two threads beside the load and the backends`;
    const tooFew = `scaling means little on ${cores} cores: two threads, load and backends want ${coresNeeded}. It shows what a second thread costs, not what it brings`;
    return { note: hasCores ? enough : tooFew };
  },
  async measure({ loads, pace }, { running }) {
    const { pid } = running;
    const web = known(running.web);
    const [requests, requestUsage] = await metered(pid, () => loads.requests(web, pace.seconds, 2));
    const [connections, connectionUsage] = await metered(pid, () => loads.connections(web, pace.seconds, 2));
    const [bulk, bulkUsage] = await metered(pid, () => loads.bulk(known(running.bulk), pace.seconds, streams));
    const [udp, udpUsage] = await metered(pid, () => loads.datagrams(known(running.udp), pace.seconds));
    return {
      ...named('request', sampleOf(requests.perSecond, requests.requests, requestUsage)),
      ...named('connection', sampleOf(connections.perSecond, connections.requests, connectionUsage)),
      ...named('bulk', sampleOf(bulk.bytes / 1e9 / bulk.seconds, bulk.bytes / 1e9, bulkUsage)),
      ...named('udp', sampleOf(udp.done / udp.seconds, udp.done, udpUsage)),
    };
  },
};

function named(name: string, sample: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(sample).map(([key, value]) => [`${name}.${key}`, value]));
}
