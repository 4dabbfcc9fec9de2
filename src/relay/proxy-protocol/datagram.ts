import type { AddressPort } from '../../model/address.ts';
import { decodeProxyHeader } from './decode.ts';
import { isTrusted } from './trusted.ts';
import { signature } from './v2.ts';

/** Whose a datagram is that came to a listener. */
export type DatagramOrigin =
  /** The sender's own: it is no trusted proxy, or it speaks for itself (LOCAL, UNSPEC). */
  | { readonly kind: 'sender'; readonly payload: Buffer }
  /** Of the client that a trusted proxy names. */
  | { readonly kind: 'client'; readonly client: AddressPort; readonly payload: Buffer }
  /** A trusted proxy's, without a header: of whomever it named last from the same port. */
  | { readonly kind: 'unnamed'; readonly payload: Buffer }
  /** A trusted proxy's, with a header that is wrong or cut off: nobody's. */
  | { readonly kind: 'invalid' };

const invalid: DatagramOrigin = { kind: 'invalid' };

/**
 * The PROXY protocol over UDP: a v2 header with the transport DGRAM, whole, and the payload behind it in the same datagram. The
 * specification does not say which datagrams have one. DNS proxies (dnsdist) and sluice itself put one before each;
 * others (Cloudflare Spectrum, frp) have a port for each client, and put one before its first datagram only. Both are
 * understood. v1 has no UDP. `trusted`: addresses and CIDRs in canonical form.
 */
export function originOf(datagram: Buffer, sender: string, trusted: readonly string[]): DatagramOrigin {
  if (!isTrusted(trusted, sender)) return { kind: 'sender', payload: datagram };
  if (!beginsWithSignature(datagram)) return { kind: 'unnamed', payload: datagram };
  const decoded = decodeProxyHeader(datagram, 'UDP');
  if (decoded.kind !== 'header') return invalid;
  const payload = datagram.subarray(decoded.length);
  if (decoded.ends === undefined) return { kind: 'sender', payload };
  return { kind: 'client', client: decoded.ends.source, payload };
}

function beginsWithSignature(datagram: Buffer): boolean {
  return datagram.length >= signature.length && signature.compare(datagram, 0, signature.length) === 0;
}
