import type { Target } from '../../model/target.ts';
import type { Side } from './side.ts';

/** The lowest port that Linux gives to sockets that do not ask for one (ip(7), `ip_local_port_range`). */
const firstEphemeralPort = 32_768;

/**
 * A connect to a free port of this host that happens to be chosen as the source port as well succeeds: TCP's
 * simultaneous open, with itself (RFC 9293 section 3.5). Nobody listens there.
 */
export function isConnectedToItself(upstream: Side, { endpoint }: Target): boolean {
  return endpoint.port >= firstEphemeralPort && upstream.isConnectedToItself();
}
