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
  /** One for each family: in a common list `::/0` would hold every IPv4 address, as `::ffff:a.b.c.d`. */
  readonly #lists = { ipv4: new BlockList(), ipv6: new BlockList() };

  /** `texts`: addresses, and CIDRs as `parseCidr` gives them. Throws if one is neither. */
  constructor(texts: readonly string[]) {
    this.texts = texts;
    for (const text of texts) this.#add(text);
  }

  /** An empty text, which is what a client has that has gone already, is in no set. */
  has(address: string): boolean {
    if (address === '') return false;
    const family = address.includes(':') ? 'ipv6' : 'ipv4';
    return this.#lists[family].check(address, family);
  }

  #add(text: string): void {
    const [address = '', bits] = text.split('/');
    const family = familyOf(address as Ip) === 'IPv4' ? 'ipv4' : 'ipv6';
    if (bits === undefined) this.#lists[family].addAddress(address, family);
    else this.#lists[family].addSubnet(address, Number(bits), family);
  }
}

export function sameAddressSet(one: AddressSet | undefined, other: AddressSet | undefined): boolean {
  if (one === other) return true;
  if (one === undefined || other === undefined || one.texts.length !== other.texts.length) return false;
  return one.texts.every((text, index) => text === other.texts[index]);
}
