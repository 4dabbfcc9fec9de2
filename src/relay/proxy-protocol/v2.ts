import type { AddressPort, Ip } from '../../model/address.ts';
import type { Protocol } from '../../model/keys.ts';
import { clientIp, type Decoded, incomplete, invalid, maxV2Bytes, type ProxiedEnds } from './header.ts';
import { oneFamily } from './v1.ts';

export const signature: Buffer = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/**
 * ```
 *   0         12       13             14       16          16 + 12 or 36     16 + length
 *   signature │ver│cmd │family│protocol│ length │ addresses │ TLVs             │ payload
 * ```
 */
const fixedBytes = 16;
const local = 0x20;
const proxy = 0x21;
/** AF_INET and AF_INET6 in the upper half of a byte, and how long their addresses are. */
const inet4 = 0x10;
const inet6 = 0x20;
const addressBytes: Readonly<Record<number, number>> = { [inet4]: 4, [inet6]: 16 };
/** STREAM and DGRAM, in the lower half. */
const transports: Readonly<Record<Protocol, number>> = { TCP: 1, UDP: 2 };

/**
 * Expects what begins like v2. TLVs must be whole, and are not looked into (a CRC32C is not checked); after LOCAL, and for
 * families other than IPv4 and IPv6, nothing after the length is. Nor are the addresses of another transport than `protocol`.
 */
export function decodeV2(bytes: Buffer, protocol: Protocol): Decoded {
  const [command, family] = [bytes[12], bytes[13]];
  if (command !== undefined && command !== local && command !== proxy) return invalid;
  if (family !== undefined && command === proxy && (family >> 4 > 3 || (family & 15) > 2)) return invalid;
  if (family === undefined || bytes.length < fixedBytes) return incomplete;
  const length = fixedBytes + bytes.readUInt16BE(14);
  const isMeant = command === proxy && (family & 15) === transports[protocol];
  const width = isMeant ? addressBytes[family & 0xf0] : undefined;
  const addressEnd = fixedBytes + (width === undefined ? 0 : 2 * width + 4);
  if (length > maxV2Bytes || length < addressEnd) return invalid;
  if (bytes.length < length) return incomplete;
  if (width === undefined) return { kind: 'header', length, ends: undefined };
  if (!areTlvs(bytes.subarray(addressEnd, length))) return invalid;
  return { kind: 'header', length, ends: decodeEnds(bytes.subarray(fixedBytes, addressEnd), width) };
}

/** Type (1 byte), length (2 bytes), value; and again, to the very end. */
function areTlvs(bytes: Buffer): boolean {
  let at = 0;
  while (at + 3 <= bytes.length) at += 3 + bytes.readUInt16BE(at + 1);
  return at === bytes.length;
}

function decodeEnds(block: Buffer, width: number): ProxiedEnds {
  return {
    source: { address: decodeIp(block.subarray(0, width)), port: block.readUInt16BE(2 * width) },
    destination: { address: decodeIp(block.subarray(width, 2 * width)), port: block.readUInt16BE(2 * width + 2) },
  };
}

function decodeIp(bytes: Buffer): Ip {
  const groups = bytes.toString('hex').match(/.{4}/g) ?? [];
  const ip = clientIp(bytes.length === 4 ? bytes.join('.') : groups.join(':'));
  if (ip === undefined) throw new Error('4 and 16 bytes are always an address');
  return ip;
}

/** `undefined`: who the client is, is not known. */
export function encodeV2(ends: ProxiedEnds | undefined, protocol: Protocol = 'TCP'): Buffer {
  if (ends === undefined) return Buffer.concat([signature, Buffer.from([local, 0, 0, 0])]);
  const { source, destination } = ends;
  const [from, to] = oneFamily(source.address, destination.address).map(bytesOf) as [number[], number[]];
  const length = from.length + to.length + 4;
  const head = [proxy, (from.length === 4 ? inet4 : inet6) + transports[protocol], 0, length];
  return Buffer.concat([
    signature,
    Buffer.from([...head, ...from, ...to, ...portBytes(source), ...portBytes(destination)]),
  ]);
}

function portBytes({ port }: AddressPort): readonly number[] {
  return [port >> 8, port & 255];
}

/** Of an address as getpeername(2) or the canonical form has it, also `::ffff:10.0.0.1`. */
function bytesOf(address: string): readonly number[] {
  const [before = '', after] = address.split('::');
  const [left, right] = [before.split(':').flatMap(partBytes), (after ?? '').split(':').flatMap(partBytes)];
  if (after === undefined) return left;
  return [...left, ...Array<number>(16 - left.length - right.length).fill(0), ...right];
}

function partBytes(part: string): readonly number[] {
  if (part.includes('.')) return part.split('.').map(Number);
  const group = Number.parseInt(part, 16);
  return part === '' ? [] : [group >> 8, group & 255];
}
