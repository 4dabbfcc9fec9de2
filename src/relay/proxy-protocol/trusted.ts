import { AddressSet } from '../../model/address-set.ts';

/** Parsed once for each list of the settings, which services share. */
const sets = new WeakMap<readonly string[], AddressSet>();

/** Whether `address` is in `from`: addresses and CIDRs in canonical form. */
export function isTrusted(from: readonly string[], address: string): boolean {
  let set = sets.get(from);
  if (set === undefined) {
    set = new AddressSet(from);
    sets.set(from, set);
  }
  // A link-local address comes with its zone (RFC 4007).
  const [ip = ''] = address.split('%');
  return set.has(ip);
}
