import type { ProcessConfig } from '../config/load.ts';

/** The keys that differ and say how something is built that is built once, at start. */
export function needsRestart(before: ProcessConfig, after: ProcessConfig): string[] {
  const fixed = ({
    tcp,
    udp,
    limits,
    settings,
    serviceProxyName,
  }: ProcessConfig): Readonly<Record<string, unknown>> => ({
    'tcp.backlog': tcp.backlog,
    'tcp.buffer': settings.tcp.bufferBytes,
    'udp.maxSessions': udp.maxSessions,
    'udp.maxSessionsPerClient': udp.maxSessionsPerClient,
    'udp.receiveBuffer': udp.receiveBufferBytes,
    'udp.sendBuffer': udp.sendBufferBytes,
    'limits.affinityEntries': limits.affinityEntries,
    serviceProxyName,
  });
  const [old, now] = [fixed(before), fixed(after)];
  return Object.keys(now).filter((key) => old[key] !== now[key]);
}
