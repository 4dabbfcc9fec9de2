import { type AddressPort, type Ip, parseIp } from '../../model/address.ts';

/**
 * The PROXY protocol, versions 1 (a line of text) and 2 (binary), as in HAProxy's doc/proxy-protocol.txt: how a proxy
 * tells the next one who the client is, in the first bytes of a connection.
 *
 * The codec is our own. `proxy-protocol-js` 4.0.6 cannot tell a header that is not all there yet from a wrong one,
 * takes v1 addresses and ports as they come (`not-an-ip`, 99999999), refuses `PROXY UNKNOWN` without addresses, and
 * forgets the length of a v2 header, so that TLVs become payload. `@balena/proxy-protocol-parser` 1.0.2 ignores the
 * length and the LOCAL command, and writes the length into the wrong byte.
 */

/** A header that is complete, incomplete, or wrong whatever follows. The answer does not depend on how bytes are split. */
export type Decoded =
  | {
      readonly kind: 'header';
      /** How many bytes it has; what follows is payload. */
      readonly length: number;
      /** `undefined` (UNKNOWN, LOCAL, a protocol other than the listener's): the ends of the connection itself are meant. */
      readonly ends: ProxiedEnds | undefined;
    }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'invalid' };

/** Between whom the original connection is. A port may be 0. */
export interface ProxiedEnds {
  readonly source: AddressPort;
  readonly destination: AddressPort;
}

export const incomplete: Decoded = { kind: 'incomplete' };
export const invalid: Decoded = { kind: 'invalid' };

/** The longest v1 header with its CRLF, from the specification. */
export const maxV1Bytes = 107;
/** Ours: the specification has 64 KiB. Addresses are at most 216 bytes of it, the rest is TLVs. */
export const maxV2Bytes = 4_096;

/**
 * The canonical form, with IPv4 in the clothes of IPv6 (RFC 4291 section 2.5.5.2) undressed: a client is the same one for
 * affinity and source ranges, whatever socket the proxy before us has accepted it on.
 */
export function clientIp(text: string): Ip | undefined {
  const ip = parseIp(text);
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(ip ?? '') ?? [];
  if (high === undefined || low === undefined) return ip;
  const [first, second] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return parseIp(`${first >> 8}.${first & 255}.${second >> 8}.${second & 255}`);
}
