import type { AddressPort, Ip } from '../../model/address.ts';
import { bytesOfIp } from '../../model/address-bytes.ts';
import type { Target } from '../../model/target.ts';
import type { Flow } from '../relay.ts';

/** As the addon takes an address: its 4 or 16 bytes and the port, in network order. */
export function socketAddress({ address, port }: AddressPort): Uint8Array {
  return Uint8Array.of(...bytesOfIp(address), port >> 8, port & 0xff);
}

const made = new WeakMap<Target, Uint8Array>();

/** The address of a target, made once: it never changes. */
export function targetAddress(target: Target): Uint8Array {
  let address = made.get(target);
  if (address === undefined) {
    address = socketAddress(target.endpoint);
    made.set(target, address);
  }
  return address;
}

/** Addresses and CIDRs in canonical form, as the addon takes networks: 18 bytes each, see `TrustedNetworks`. */
export function networkBytes(networks: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(18 * networks.length);
  for (const [index, network] of networks.entries()) {
    const [address = '', bits] = network.split('/');
    const ip = bytesOfIp(address as Ip);
    bytes.set([ip.length === 4 ? 4 : 6, Number(bits ?? ip.length * 8), ...ip], 18 * index);
  }
  return bytes;
}

/**
 * The client of a flow, as the addon takes the source of a socket. A link-local address has its zone, which that has no
 * place for. `undefined`: the client is the endpoint, and no host takes packets from outside that bear its own address
 * (kube-proxy masquerades them: "hairpin").
 */
export function clientSource({ clientAddress, clientPort }: Flow, { endpoint }: Target): Uint8Array | undefined {
  const [address = ''] = clientAddress.split('%');
  if (address === endpoint.address) return undefined;
  return socketAddress({ address: address as Ip, port: clientPort });
}

/** Whether a socket that was to have a client as its source has failed for that: no capability, or another family. */
export function isNotKept(code: string): boolean {
  return code === 'EPERM' || code === 'EAFNOSUPPORT';
}
