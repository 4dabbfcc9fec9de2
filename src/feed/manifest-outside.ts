import { quoted, uselessAddress } from '../config/fields.ts';
import type { Fault } from '../config/issues.ts';
import type { Path } from '../config/path.ts';
import { type Ip, parseIp } from '../model/address.ts';
import { parseCidr } from '../model/address-set.ts';
import type { Service } from '../model/service.ts';
import type { ServiceManifest } from './manifest-schema.ts';

/** The fields of a Service that are about traffic from outside, and about where endpoints may be. */
export type Outside = Pick<
  Service,
  | 'externalIps'
  | 'loadBalancerIps'
  | 'loadBalancerSourceRanges'
  | 'internalTrafficPolicy'
  | 'externalTrafficPolicy'
  | 'healthCheckNodePort'
>;

export interface OutsideResult {
  readonly outside: Outside;
  readonly faults: readonly Fault[];
}

/** What is empty, or the default, is absent. The load balancer and its ranges count for type `LoadBalancer` only. */
export function outsideOf({ spec, status }: ServiceManifest): OutsideResult {
  const { type, internalTrafficPolicy, externalTrafficPolicy, healthCheckNodePort } = spec;
  const isBalanced = type === 'LoadBalancer';
  const external = read(spec.externalIPs ?? [], ['spec', 'externalIPs'], readUnicast);
  const ingress = (isBalanced && status?.loadBalancer?.ingress) || [];
  // An ipMode of Proxy: the balancer is reached at its IP, and nobody may answer in its place (KEP-1860).
  const vips = ingress.map(({ ip, ipMode }) => (ip && ipMode !== 'Proxy' ? ip : undefined));
  const balanced = read(vips, ['status', 'loadBalancer', 'ingress'], readUnicast);
  const texts = (isBalanced && spec.loadBalancerSourceRanges) || [];
  const ranges = read(texts, ['spec', 'loadBalancerSourceRanges'], readRange);
  const isLocal = externalTrafficPolicy === 'Local';
  return {
    outside: {
      ...(external.values.length > 0 && { externalIps: external.values }),
      ...(balanced.values.length > 0 && { loadBalancerIps: balanced.values }),
      ...(ranges.values.length > 0 && { loadBalancerSourceRanges: ranges.values }),
      ...(internalTrafficPolicy === 'Local' && { internalTrafficPolicy }),
      ...(isLocal && { externalTrafficPolicy }),
      ...(isBalanced && isLocal && healthCheckNodePort && { healthCheckNodePort }),
    },
    faults: [...external.faults, ...balanced.faults, ...ranges.faults],
  };
}

/** The value that `text` stands for, or why it stands for none. */
type Reader<T extends string> = (text: string) => { readonly value: T } | { readonly fault: string };

/** `undefined` keeps the place of what is not read. */
function read<T extends string>(
  texts: readonly (string | undefined)[],
  path: Path,
  reader: Reader<T>,
): { values: readonly T[]; faults: readonly Fault[] } {
  const values = new Set<T>();
  const faults: Fault[] = [];
  for (const [index, text] of texts.entries()) {
    if (text === undefined) continue;
    const result = reader(text);
    if ('value' in result) values.add(result.value);
    else faults.push({ code: 'MANIFEST_INVALID', path: [...path, index], message: `${quoted(text)} ${result.fault}` });
  }
  return { values: [...values], faults };
}

const readUnicast: Reader<Ip> = (text) => {
  const address = parseIp(text);
  const fault = address === undefined ? 'it is not an IP address' : uselessAddress(address);
  if (address !== undefined && fault === undefined) return { value: address };
  return { fault: `cannot be a VIP: ${fault}` };
};

/** Kubernetes lets people write spaces around a range. */
const readRange: Reader<string> = (text) => {
  const value = parseCidr(text);
  return value === undefined ? { fault: 'is not a network; write it like 10.0.0.0/8 or fd00::/8' } : { value };
};
