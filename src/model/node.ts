import { familyOf, type Ip } from './address.ts';

/** Where a process runs, or an endpoint. */
export interface NodePlace {
  /** Endpoints with this `nodeName` are local. Absent: not known, and then no endpoint is local. */
  readonly name?: string;
  /** `topology.kubernetes.io/zone` of the node: what zone hints (`forZones`) are compared with. */
  readonly zone?: string;
}

/** What is known of the node that sluice stands on. It changes rarely; another one is another object. */
export interface NodeView {
  /** As far as it is configured. */
  readonly place: NodePlace;
  /** The node's name where neither the configuration nor a feed knows it. */
  readonly hostName?: string;
  /** Every address of the node's interfaces. */
  readonly addresses: readonly Ip[];
  /** The networks of the node's pods (`Node.spec.podCIDRs`), as `parseCidr` gives them: their traffic is the node's own. */
  readonly podCidrs: readonly string[];
  readonly nodePortAddresses: NodePortAddresses;
}

/**
 * On which of the node's addresses node ports are served, as CIDRs and addresses (kube-proxy's `--nodeport-addresses`);
 * empty: its default. `primary`: on its primary ones, as feeds know them.
 */
export type NodePortAddresses = readonly string[] | 'primary';

/** The first of each IP family, as `--nodeport-addresses primary` has it; `addresses`: the more important ones first. */
export function primaryAddresses(addresses: readonly Ip[]): readonly Ip[] {
  return (['IPv4', 'IPv6'] as const).flatMap((family) => addresses.find((each) => familyOf(each) === family) ?? []);
}

/** Nothing is local, and there are no node ports. */
export const unknownNode: NodeView = { place: {}, addresses: [], podCidrs: [], nodePortAddresses: [] };
