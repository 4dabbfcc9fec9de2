import type { TcpSettings } from '../../model/settings.ts';
import type { Router } from '../relay.ts';
import { listenFlags } from './addon.ts';

/** What may change of a listener while it listens, as the addon takes it. */
export interface ListenerOptions {
  readonly flags: number;
  /** 0: off. */
  readonly deferAcceptSeconds: number;
}

export function optionsOf({ settings, namesClients }: Pick<Router, 'settings' | 'namesClients'>): ListenerOptions {
  const { noDelay, deferAcceptMs } = settings.tcp;
  const flags = (noDelay ? listenFlags.noDelay : 0) | (namesClients ? listenFlags.measures : 0);
  return { flags, deferAcceptSeconds: secondsOf(deferAcceptMs) };
}

export function isSame(one: ListenerOptions, other: ListenerOptions): boolean {
  return one.flags === other.flags && one.deferAcceptSeconds === other.deferAcceptSeconds;
}

/** What `Addon.keepAlive` is to be told; all 0: nothing. */
export function keepAliveOf({ keepAliveMs, userTimeoutMs }: TcpSettings): {
  idleSeconds: number;
  userTimeoutMs: number;
} {
  return { idleSeconds: secondsOf(keepAliveMs), userTimeoutMs: isOff(userTimeoutMs) ? 0 : Math.ceil(userTimeoutMs) };
}

/** The kernel takes whole seconds, and 0 for none. */
function secondsOf(ms: number): number {
  return isOff(ms) ? 0 : Math.max(1, Math.round(ms / 1_000));
}

function isOff(ms: number): boolean {
  return ms === Number.POSITIVE_INFINITY;
}
