import type { Ip } from '../model/address.ts';
import { AddressSet } from '../model/address-set.ts';
import type { FrontendKey } from '../model/keys.ts';
import type { Redirect } from './host.ts';

/** Why what a client sends to a frontend does not get to its listener. */
export type VipObstacle =
  /** nftables leads no VIP to the relay, and should. */
  | 'vips-not-redirected'
  /** A ClusterIP, and the client is neither this host nor in the networks that may come to it. */
  | 'not-inside';

/** What the rules of `redirect` do with `client`. `own`: the addresses of this host, whose clients are inside. */
export function obstacleOf(
  redirect: Redirect | undefined,
  frontend: FrontendKey,
  client: Ip,
  own: readonly Ip[],
): VipObstacle | undefined {
  if (redirect?.redirections.get(frontend)?.reach !== 'inside') return undefined;
  return own.includes(client) || new AddressSet(redirect.from).has(client) ? undefined : 'not-inside';
}
