import { isIPv4 } from 'node:net';
import type { Ip } from './address.ts';

/** The 4 or 16 bytes of an address, in network order. */
export function bytesOfIp(ip: Ip): Uint8Array {
  return isIPv4(ip) ? Uint8Array.from(ip.split('.'), Number) : bytesOfIpv6(ip);
}

/** The canonical text (RFC 5952) of the 4 or 16 bytes of an address. */
export function ipOfBytes(bytes: Uint8Array): Ip {
  return (bytes.length === 4 ? bytes.join('.') : ipv6OfBytes(bytes)) as Ip;
}

function bytesOfIpv6(ip: Ip): Uint8Array {
  const [head = '', tail] = ip.split('::');
  const groupsOf = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const [before, after] = [groupsOf(head), groupsOf(tail ?? '')];
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  return Uint8Array.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}

function ipv6OfBytes(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0));
  const { from, to } = longestZeros(groups);
  const text = (some: readonly number[]) => some.map((group) => group.toString(16)).join(':');
  return to - from < 2 ? text(groups) : `${text(groups.slice(0, from))}::${text(groups.slice(to))}`;
}

/** The first of the longest runs of zeros: RFC 5952 section 4.2.3. */
function longestZeros(groups: readonly number[]): { from: number; to: number } {
  let longest = { from: 0, to: 0 };
  for (let from = 0; from < groups.length; from += 1) {
    let to = from;
    while (groups[to] === 0) to += 1;
    if (to - from > longest.to - longest.from) longest = { from, to };
  }
  return longest;
}
