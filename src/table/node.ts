import type { Problem } from '../base/errors.ts';
import { familyOf, type Ip } from '../model/address.ts';
import { AddressSet } from '../model/address-set.ts';
import type { FeedNode, FeedState } from '../model/feed-state.ts';
import { type NodePlace, type NodeView, primaryAddresses } from '../model/node.ts';
import type { Service } from '../model/service.ts';

/** What the node decides about every service. Equal inputs of a build give the same object. */
export interface NodeInput {
  readonly place: NodePlace;
  readonly addresses: AddressSet;
  /** Where node ports are served. */
  readonly nodePortAddresses: readonly Ip[];
  /** Whose traffic is this node's own: its addresses, and its pods. */
  readonly nearby: AddressSet;
  /** All of the above, as text. */
  readonly text: string;
}

/** The loopback networks are this host's own on every host. */
const loopback = ['127.0.0.0/8', '::1/128'];

/**
 * What the configuration says of the node goes before what feeds say, and that before the name of the host. A cluster IP that is on an interface is not one of
 * the node's own addresses, and no node port is served there. An external or load-balancer IP may well be the node's.
 */
export function nodeInput(
  view: NodeView,
  states: readonly FeedState[],
  services: Iterable<Service>,
  previous: NodeInput | undefined,
): NodeInput {
  const fed = states.flatMap(({ node }) => (node === undefined ? [] : [node]));
  const hostPlace: NodePlace = view.hostName === undefined ? {} : { name: view.hostName };
  const place: NodePlace = Object.assign({}, hostPlace, ...fed.map((node) => node.place).reverse(), view.place);
  const podCidrs = [...new Set([...view.podCidrs, ...fed.flatMap((node) => node.podCidrs)])];
  const own = withoutVips(view.addresses, services);
  const ports = matching(own, view.nodePortAddresses === 'primary' ? primaryOf(fed) : view.nodePortAddresses);
  const text = JSON.stringify([place.name, place.zone, podCidrs, own, ports]);
  if (text === previous?.text) return previous;
  const nearby = new AddressSet([...loopback, ...podCidrs, ...own]);
  return { place, addresses: new AddressSet(own), nodePortAddresses: ports, nearby, text };
}

function withoutVips(addresses: readonly Ip[], services: Iterable<Service>): readonly Ip[] {
  if (addresses.length === 0) return addresses;
  const own = new Set(addresses);
  for (const { vips } of services) for (const vip of vips) own.delete(vip);
  return [...own];
}

/** As the first feed knows them that knows any; `undefined`: none does. */
function primaryOf(fed: readonly FeedNode[]): readonly Ip[] | undefined {
  const known = fed.find(({ addresses = [] }) => addresses.length > 0);
  return known?.addresses && primaryAddresses(known.addresses);
}

/** `primary` that leads to no address: kube-proxy would serve node ports on all of them then, which nobody asked for. */
export function unplacedNodePorts(
  { nodePortAddresses: wanted }: NodeView,
  { nodePortAddresses: found }: NodeInput,
  services: Iterable<Service>,
): readonly Problem[] {
  if (wanted !== 'primary' || found.length > 0) return [];
  if (![...services].some(({ ports }) => ports.some(({ nodePort }) => nodePort !== undefined))) return [];
  const message =
    'node ports are served nowhere: nodePortAddresses is primary, and no address of the Node that a Kubernetes feed follows is on an interface of this host; write node.addresses';
  return [{ code: 'TABLE_NODE_ADDRESS', message }];
}

/**
 * kube-proxy's `--nodeport-addresses`. Without it: all, as in its iptables mode, but for those that cannot be reached by
 * address and port alone (`fe80::/10`), and for `::1`, which it has never served. `undefined`: none.
 */
function matching(addresses: readonly Ip[], cidrs: readonly string[] | undefined): readonly Ip[] {
  if (cidrs === undefined) return [];
  if (cidrs.length === 0) return addresses.filter((address) => address !== '::1' && !/^fe[89ab].:/.test(address));
  const wanted = new AddressSet(cidrs);
  return addresses.filter((address) => wanted.has(address));
}

/** The addresses of one of these families. */
export function ofFamilies(addresses: readonly Ip[], families: readonly string[]): readonly Ip[] {
  return addresses.filter((address) => families.includes(familyOf(address)));
}
