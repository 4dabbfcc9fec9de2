import type { IpFamily } from '../model/address.ts';
import type { HostState } from './host.ts';

/** "sl" in ASCII: what nftables marks packets with that are to be local, whatever their destination. */
export const localMark = 0x736c;
/** Whose default route is local: nobody's by chance (iproute2 `rt_tables` has names for a few below 256). */
export const markTable = 377_292;
/** Of the rule: before `main` (32766), ip-rule(8). */
const rulePriority = 3_772;

/** What a host has, of one IP family, that makes packets with the mark local. */
export interface MarkedRouting {
  readonly rule: boolean;
  readonly route: boolean;
}

/** The families of the VIPs whose forwarded connections are taken with their own destination (TPROXY). */
export function markedFamilies({ redirect }: Pick<HostState, 'redirect'>): ReadonlySet<IpFamily> {
  if (redirect?.via !== 'tproxy') return new Set();
  const tcp = [...redirect.redirections.values()].filter(({ protocol }) => protocol === 'TCP');
  return new Set(tcp.map(({ address }) => (address.includes(':') ? 'IPv6' : 'IPv4')));
}

const rule = `fwmark 0x${localMark.toString(16)} lookup ${markTable} priority ${rulePriority}`;
const route = `local default dev lo table ${markTable}`;

/** The lines of `ip -batch`, for one family, that make the host have both or neither. The route comes first and goes last. */
export function planMarked(isDesired: boolean, actual: MarkedRouting): readonly string[] {
  if (isDesired) return [...(actual.route ? [] : [`route add ${route}`]), ...(actual.rule ? [] : [`rule add ${rule}`])];
  return [...(actual.rule ? [`rule delete ${rule}`] : []), ...(actual.route ? [`route delete ${route}`] : [])];
}
