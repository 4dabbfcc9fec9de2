import type { TcpSettings } from '../model/settings.ts';

/** The timeout that a connection has passed in which no byte moved either way for `silentMs`, if any. */
export function passedTimeout(
  { idleTimeoutMs, halfClosedTimeoutMs }: TcpSettings,
  silentMs: number,
  isHalfClosed: boolean,
): 'idle-timeout' | 'half-closed-timeout' | undefined {
  if (isHalfClosed && silentMs >= halfClosedTimeoutMs) return 'half-closed-timeout';
  return silentMs >= idleTimeoutMs ? 'idle-timeout' : undefined;
}
