import { distance } from 'fastest-levenshtein';
import { formatAddressPort, type Ip } from '../model/address.ts';
import type { Protocol } from '../model/keys.ts';
import type { Frontend } from '../model/snapshot.ts';

/** The address that a client connects to; without a protocol either will do. */
export interface Wanted {
  readonly address: Ip;
  readonly port: number;
  readonly protocol?: Protocol;
}

const mostNearest = 3;
/** Of as many differing characters as this, nobody made a typo. */
const mostTypos = 3;

/**
 * The frontends that may have been meant, the likeliest first: the same VIP:PORT with the other protocol, the same VIP
 * with another port, a similar one first, then those whose text is nearly the same.
 */
export function nearestFrontends(wanted: Wanted, frontends: readonly Frontend[]): readonly Frontend[] {
  return frontends
    .map((frontend) => ({ frontend, farness: farness(wanted, frontend) }))
    .filter((each) => each.farness < Number.POSITIVE_INFINITY)
    .sort((one, other) => one.farness - other.farness)
    .slice(0, mostNearest)
    .map(({ frontend }) => frontend);
}

function farness({ address, port, protocol }: Wanted, frontend: Frontend): number {
  if (frontend.address === address) {
    const isOther = protocol !== undefined && protocol !== frontend.protocol;
    return (distance(`${port}`, `${frontend.port}`) + (isOther ? 0.5 : 0)) / 10;
  }
  const typos = distance(formatAddressPort(address, port), formatAddressPort(frontend.address, frontend.port));
  return typos > mostTypos ? Number.POSITIVE_INFINITY : 1 + typos;
}
