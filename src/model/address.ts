import { isIP, isIPv4 } from 'node:net';
import IPCIDR from 'ip-cidr';

declare const ip: unique symbol;
/** An IPv4 or IPv6 address in its canonical text form (RFC 5952), so that equal addresses are equal strings. */
export type Ip = string & { readonly [ip]: true };

export type IpFamily = 'IPv4' | 'IPv6';

export interface AddressPort {
  readonly address: Ip;
  readonly port: number;
}

/** The canonical form of `text`, or `undefined` if it is not an address. Zones (`%eth0`) are not addresses. */
export function parseIp(text: string): Ip | undefined {
  if (isIPv4(text)) return text as Ip;
  if (isIP(text) !== 6 || text.includes('%')) return undefined;
  return IPCIDR.createAddress(text.replace(dottedEnd, groups)).correctForm() as Ip;
}

/** `::ffff:10.0.0.1`: the last 32 bits as IPv4 (RFC 4291 section 2.2). The library takes such an address for IPv4. */
const dottedEnd = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/;

function groups(_dotted: string, ...[a, b, c, d]: string[]): string {
  const group = (high = '', low = '') => (Number(high) * 256 + Number(low)).toString(16);
  return `${group(a, b)}:${group(c, d)}`;
}

export function familyOf(address: Ip): IpFamily {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

/** A port that can be listened on or dialled: 1 to 65535. */
export function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65_535;
}

/** `127.0.0.1:80` or `[::1]:80` (RFC 3986 section 3.2.2). */
export function formatAddressPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Reads `127.0.0.1:80`, `[::1]:80`, and, without a port, `127.0.0.1`, `::1` and `[::1]`. */
export function parseAddressPort(text: string): { address: Ip; port?: number } | undefined {
  const bare = parseIp(text);
  if (bare !== undefined) return { address: bare };
  const match = /^(?:\[(?<six>[^\]]+)\]|(?<four>[^:]+))(?::(?<port>\d{1,5}))?$/.exec(text);
  const address = match && parseIp(match.groups?.six ?? match.groups?.four ?? '');
  if (!address) return undefined;
  const digits = match.groups?.port;
  if (digits === undefined) return { address };
  const port = Number(digits);
  return isPort(port) ? { address, port } : undefined;
}
