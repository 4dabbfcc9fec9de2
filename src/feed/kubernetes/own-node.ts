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
  #node: OwnNode | undefined;
  #next: OwnNode | undefined;
  #hasAll = false;

  constructor(name: string) {
    this.#name = name;
  }

  /** A list was complete once; there may be no such node. */
  get hasAll(): boolean {
    return this.#hasAll;
  }

  get node(): OwnNode | undefined {
    return this.#node;
  }

  begin(): void {
    this.#next = undefined;
  }

  async page(items: readonly ApiObject[]): Promise<void> {
    for (const item of items) if (item.metadata.name === this.#name) this.#next = nodeOf(item, this.#node);
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
  readonly status?: { readonly conditions?: readonly { readonly type?: string; readonly status?: string }[] };
}

/** A kubelet writes its node every few seconds: unless something changed that matters here, it is the same object. */
function nodeOf(object: ApiObject, before: OwnNode | undefined): OwnNode {
  const { spec, status } = object as NodeFields;
  const zone = object.metadata.labels?.['topology.kubernetes.io/zone'];
  const cidrs = spec?.podCIDRs ?? (spec?.podCIDR === undefined ? [] : [spec.podCIDR]);
  const node: OwnNode = {
    place: { name: object.metadata.name, ...(zone && { zone }) },
    podCidrs: cidrs.flatMap((text) => parseCidr(text) ?? []),
    ready: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
  };
  return before !== undefined && JSON.stringify(before) === JSON.stringify(node) ? before : node;
}
