import { familyOf, type Ip, type IpFamily } from '../model/address.ts';
import { AddressSet } from '../model/address-set.ts';
import { type FrontendKey, frontendKey } from '../model/keys.ts';
import type { Service, ServicePortSpec } from '../model/service.ts';
import type { FrontendKind, Scope } from '../model/snapshot.ts';
import { type NodeInput, ofFamilies } from './node.ts';

/** One address:port at which one service wants to be reached, and by what rules. */
export interface Site {
  readonly key: FrontendKey;
  readonly address: Ip;
  readonly port: number;
  readonly kind: FrontendKind;
  readonly scope: Scope;
  readonly nearby?: AddressSet;
  readonly sources?: AddressSet;
}

/** The rules of each kind of address of one service. */
interface Group {
  readonly kind: FrontendKind;
  readonly addresses: readonly Ip[];
  readonly scope: Scope;
  readonly nearby?: AddressSet;
  readonly sources?: AddressSet;
}

/** Which scopes the traffic of a service has. */
export interface Scopes {
  readonly cluster: boolean;
  readonly local: boolean;
}

/**
 * `internalTrafficPolicy` is for cluster IPs, `externalTrafficPolicy` for all that comes from outside; of the latter,
 * traffic of this node and its pods is of scope `cluster` all the same (kube-proxy's `UsesClusterEndpoints`).
 */
export function scopesOf(service: Service): Scopes {
  const isExternal = isReachableFromOutside(service);
  const internalLocal = service.internalTrafficPolicy === 'Local';
  const externalLocal = isExternal && service.externalTrafficPolicy === 'Local';
  return { cluster: isExternal || !internalLocal, local: internalLocal || externalLocal };
}

function isReachableFromOutside({ ports, externalIps = [], loadBalancerIps = [] }: Service): boolean {
  return externalIps.length + loadBalancerIps.length > 0 || ports.some(({ nodePort }) => nodePort !== undefined);
}

/**
 * Where the ports of a service are served: cluster IPs, external IPs and load-balancer IPs on `port`, the node's own
 * addresses on `nodePort`. Each only once: of two kinds with one address and port the first in this order counts.
 */
export class SitePlan {
  readonly #groups: readonly Group[];
  readonly #families: readonly string[];

  constructor(service: Service, node: NodeInput) {
    this.#families = [...new Set(service.vips.map(familyOf))];
    this.#groups = groupsOf(service, node);
  }

  sitesOf({ port, protocol, nodePort }: ServicePortSpec): readonly Site[] {
    const sites = new Map<FrontendKey, Site>();
    for (const { addresses, ...rules } of this.#groups) {
      const number = rules.kind === 'node-port' ? nodePort : port;
      if (number === undefined) continue;
      for (const address of ofFamilies(addresses, this.#families)) {
        const key = frontendKey(protocol, address, number);
        if (!sites.has(key)) sites.set(key, { key, address, port: number, ...rules });
      }
    }
    return [...sites.values()];
  }
}

function groupsOf(service: Service, node: NodeInput): readonly Group[] {
  const internal: Scope = service.internalTrafficPolicy === 'Local' ? 'local' : 'cluster';
  const isLocal = service.externalTrafficPolicy === 'Local';
  const outside = isLocal ? { scope: 'local' as const, nearby: node.nearby } : { scope: 'cluster' as const };
  return [
    { kind: 'cluster', addresses: service.vips, scope: internal },
    { kind: 'external', addresses: service.externalIps ?? [], ...outside },
    ...(['IPv4', 'IPv6'] as const).map((family): Group => {
      const addresses = ofFamilies(service.loadBalancerIps ?? [], [family]);
      const sources = sourcesOf(service, addresses, family, node);
      return { kind: 'load-balancer', addresses, ...outside, ...(sources !== undefined && { sources }) };
    }),
    { kind: 'node-port', addresses: node.nodePortAddresses, ...outside },
  ];
}

/**
 * Ranges of one family say nothing about the other: load-balancer IPs without ranges of their family are open (kube-proxy's
 * `MapCIDRsByIPFamily`). A process of this node that connects to a load-balancer IP which is on this node too comes from
 * that IP: if the node is in the ranges, so is that (kube-proxy's `allowFromNode`).
 */
function sourcesOf(
  { loadBalancerSourceRanges = [] }: Service,
  vips: readonly Ip[],
  family: IpFamily,
  node: NodeInput,
): AddressSet | undefined {
  const ranges = loadBalancerSourceRanges.filter((range) => range.includes(':') === (family === 'IPv6'));
  if (ranges.length === 0 || vips.length === 0) return undefined;
  const set = new AddressSet(ranges);
  return node.addresses.texts.some((address) => set.has(address)) ? new AddressSet([...ranges, ...vips]) : set;
}
