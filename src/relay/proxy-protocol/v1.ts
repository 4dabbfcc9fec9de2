import { type AddressPort, familyOf, type IpFamily, parseIp } from '../../model/address.ts';
import { clientIp, type Decoded, incomplete, invalid, maxV1Bytes, type ProxiedEnds } from './header.ts';

const pattern =
  /^PROXY (?:UNKNOWN(?: .*)?|TCP(?<version>[46]) (?<from>[^ ]+) (?<to>[^ ]+) (?<fromPort>\d{1,5}) (?<toPort>\d{1,5}))$/;

const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** Expects what begins like v1. The line ends at its first CR or LF, which must be CRLF, also after UNKNOWN. */
export function decodeV1(bytes: Buffer): Decoded {
  const line = bytes.subarray(0, maxV1Bytes);
  const end = line.findIndex((byte) => byte === carriageReturn || byte === lineFeed);
  if (end === -1) return line.length < maxV1Bytes - 1 ? incomplete : invalid;
  if (line[end] === lineFeed || end > maxV1Bytes - 2) return invalid;
  if (end + 1 === line.length) return incomplete;
  return line[end + 1] === lineFeed ? decodeLine(line.toString('latin1', 0, end), end + 2) : invalid;
}

function decodeLine(line: string, length: number): Decoded {
  const match = pattern.exec(line);
  if (match === null) return invalid;
  const { version, from = '', to = '', fromPort = '', toPort = '' } = match.groups ?? {};
  if (version === undefined) return { kind: 'header', length, ends: undefined };
  const family = version === '4' ? 'IPv4' : 'IPv6';
  const source = end(from, fromPort, family);
  const destination = end(to, toPort, family);
  return source && destination ? { kind: 'header', length, ends: { source, destination } } : invalid;
}

function end(address: string, digits: string, family: IpFamily): AddressPort | undefined {
  const written = parseIp(address);
  const ip = clientIp(address);
  const port = Number(digits);
  if (written === undefined || ip === undefined || familyOf(written) !== family) return undefined;
  return String(port) === digits && port <= 65_535 ? { address: ip, port } : undefined;
}

/** `undefined`: who the client is, is not known. */
export function encodeV1(ends: ProxiedEnds | undefined): Buffer {
  if (ends === undefined) return Buffer.from('PROXY UNKNOWN\r\n');
  const { source, destination } = ends;
  const [from, to] = oneFamily(source.address, destination.address);
  const protocol = from.includes(':') ? 'TCP6' : 'TCP4';
  return Buffer.from(`PROXY ${protocol} ${from} ${to} ${source.port} ${destination.port}\r\n`);
}

/** A header has one family: where there are two, IPv4 puts on the clothes of IPv6. */
export function oneFamily(one: string, other: string): readonly [string, string] {
  if (one.includes(':') === other.includes(':')) return [one, other];
  return one.includes(':') ? [one, `::ffff:${other}`] : [`::ffff:${one}`, other];
}
