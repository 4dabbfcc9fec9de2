import type { AddressPort, Ip } from '../../model/address.ts';
import type { Protocol } from '../../model/keys.ts';
import type { Flow } from '../relay.ts';
import { encodeV1 } from './v1.ts';
import { encodeV2 } from './v2.ts';

/**
 * The header for a client that connected to `destination`. Without an address (the client has gone already, and its
 * socket does not know it any more) it says that the client is not known. v1 has no UDP.
 */
export function encodeProxyHeader(
  version: 'v1' | 'v2',
  client: { readonly address: string; readonly port: number },
  destination: AddressPort,
  protocol: Protocol = 'TCP',
): Buffer {
  // A link-local address comes with its zone (RFC 4007), which the protocol has no place for.
  const [address = ''] = client.address.split('%');
  const ends = address === '' ? undefined : { source: { address: address as Ip, port: client.port }, destination };
  return version === 'v1' ? encodeV1(ends) : encodeV2(ends, protocol);
}

/** The header of a TCP flow. `local`: where its client has connected to, if its frontend is not known. */
export function proxyHeaderOf(flow: Flow, version: 'v1' | 'v2', local: AddressPort): Buffer {
  const { clientAddress: address, clientPort: port, frontend = local } = flow;
  return encodeProxyHeader(version, { address, port }, frontend);
}
