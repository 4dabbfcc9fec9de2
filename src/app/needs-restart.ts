import type { Problem } from '../base/errors.ts';
import type { ProcessConfig } from '../config/load.ts';
import { loadAddon } from '../relay/native/addon.ts';
import { unmetBy } from './unmet.ts';

/** A key that was changed and has no effect, and why. */
export interface NotInEffect {
  readonly key: string;
  readonly message: string;
}

/** What of a configuration that has come while `engine` relays has no effect. */
export function notInEffect(before: ProcessConfig, after: ProcessConfig, engine: string): readonly NotInEffect[] {
  const restarts = needsRestart(before, after).map((key) => {
    return { key, message: `${key} was changed and takes effect when sluice is started again` };
  });
  const unmet = unmetWith(after, engine).map(({ path = '', message }) => {
    return { key: path, message: `${path} has no effect: ${message}` };
  });
  return [...restarts, ...unmet];
}

/** The configuration as far as `engine` can follow it: connections that cannot be taken as they are, are translated. */
export function inEffect(config: ProcessConfig, engine: string): ProcessConfig {
  if (!unmetWith(config, engine).some(({ path }) => path === 'vip.redirect.via')) return config;
  return { ...config, vip: { ...config.vip, redirect: { ...config.vip.redirect, via: 'dnat' } } };
}

function unmetWith(config: ProcessConfig, engine: string): readonly Problem[] {
  return unmetBy(config, engine === 'net' ? { kind: 'absent', why: 'the engine net relays now' } : loadAddon());
}

/** The keys that differ and say how something is built that is built once, at start. */
function needsRestart(before: ProcessConfig, after: ProcessConfig): string[] {
  const fixed = ({
    engine,
    threads,
    mark,
    tcp,
    udp,
    limits,
    settings,
    serviceProxyName,
  }: ProcessConfig): Readonly<Record<string, unknown>> => ({
    engine,
    threads,
    mark,
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
