import { BlockList } from 'node:net';
import IPCIDR from 'ip-cidr';
import { familyOf, type Ip, parseIp } from './address.ts';

/** The canonical form of a network in CIDR notation, or `undefined` if `text` is none. A bare address is none. */
export function parseCidr(text: string): string | undefined {
  const [address, bits, ...rest] = text.trim().split('/');
  const ip = parseIp(address ?? '');
  if (ip === undefined || bits === undefined || rest.length > 0 || !/^\d{1,3}$/.test(bits)) return undefined;
  return IPCIDR.isValidCIDR(`${ip}/${bits}`)
    ? `${parseIp(new IPCIDR(`${ip}/${bits}`).start()) ?? ip}/${Number(bits)}`
    : undefined;
}

/** Networks and addresses, parsed once; asking whether one holds an address makes no garbage. */
export class AddressSet {
  /** What it was made from; equal texts are equal sets. */
  readonly texts: readonly string[];
  readonly #list = new BlockList();

  /** `texts`: addresses, and CIDRs as `parseCidr` gives them. Throws if one is neither. */
  constructor(texts: readonly string[]) {
    this.texts = texts;
    for (const text of texts) this.#add(text);
  }

  has(address: string): boolean {
    return this.#list.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
  }

  #add(text: string): void {
    const [address = '', bits] = text.split('/');
    const family = familyOf(address as Ip) === 'IPv4' ? 'ipv4' : 'ipv6';
    if (bits === undefined) this.#list.addAddress(address, family);
    else this.#list.addSubnet(address, Number(bits), family);
  }
}

export function sameAddressSet(one: AddressSet | undefined, other: AddressSet | undefined): boolean {
  if (one === other) return true;
  if (one === undefined || other === undefined || one.texts.length !== other.texts.length) return false;
  return one.texts.every((text, index) => text === other.texts[index]);
}
