import { type Ip, parseIp } from '../../model/address.ts';
import { parseCidr } from '../../model/address-set.ts';
import type { FeedNode } from '../../model/feed-state.ts';
import type { ApiObject, ObjectSink } from './objects.ts';

/** Kubernetes `Node`, as far as it matters on that node. */
export interface OwnNode extends FeedNode {
  /** The condition `Ready`. It is for people: a proxy on a node that is not ready still serves the node's pods. */
  readonly ready: boolean;
}

/** The node that sluice stands on. */
export class OwnNodeStore implements ObjectSink {
  readonly #name: string;
  readonly #nameOnly: FeedNode;
  #node: OwnNode | undefined;
  #next: OwnNode | undefined;
  #hasAll = false;

  constructor(name: string) {
    this.#name = name;
    this.#nameOnly = { place: { name }, podCidrs: [] };
  }

  /** A list was complete once; there may be no such node. */
  get hasAll(): boolean {
    return this.#hasAll;
  }

  /** Endpoints say their node by its name, so that counts also while there is no such node, or it may not be read. */
  get node(): FeedNode {
    return this.#node ?? this.#nameOnly;
  }

  begin(): void {
    this.#next = undefined;
  }

  add(item: ApiObject): void {
    if (item.metadata.name === this.#name) this.#next = nodeOf(item, this.#node);
  }

  end(): void {
    this.#node = this.#next;
    this.#hasAll = true;
  }

  put(object: ApiObject): void {
    if (object.metadata.name === this.#name) this.#node = nodeOf(object, this.#node);
  }

  remove(object: ApiObject): void {
    if (object.metadata.name === this.#name) this.#node = undefined;
  }
}

interface NodeFields {
  readonly spec?: { readonly podCIDR?: string; readonly podCIDRs?: readonly string[] };
  readonly status?: {
    readonly conditions?: readonly { readonly type?: string; readonly status?: string }[];
    readonly addresses?: readonly { readonly type?: string; readonly address?: string }[];
  };
}

/** A kubelet writes its node every few seconds: unless something changed that matters here, it is the same object. */
function nodeOf(object: ApiObject, before: OwnNode | undefined): OwnNode {
  const { spec, status } = object as NodeFields;
  const zone = object.metadata.labels?.['topology.kubernetes.io/zone'];
  const cidrs = spec?.podCIDRs ?? (spec?.podCIDR === undefined ? [] : [spec.podCIDR]);
  const node: OwnNode = {
    place: { name: object.metadata.name, ...(zone && { zone }) },
    podCidrs: cidrs.flatMap((text) => parseCidr(text) ?? []),
    addresses: addressesOf(status),
    ready: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
  };
  return before !== undefined && JSON.stringify(before) === JSON.stringify(node) ? before : node;
}

/** In the order of kube-proxy's `GetNodeHostIPs`; names (`Hostname`, `InternalDNS`) are no addresses. */
function addressesOf(status: NodeFields['status']): readonly Ip[] {
  const all = status?.addresses ?? [];
  return ['InternalIP', 'ExternalIP'].flatMap((wanted) =>
    all.flatMap(({ type, address }) => (type === wanted ? (parseIp(address ?? '') ?? []) : [])),
  );
}
