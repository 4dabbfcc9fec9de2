import type { Problem } from '../base/errors.ts';
import type { Ip } from './address.ts';
import type { NodePlace } from './node.ts';
import type { EndpointSlice, Service } from './service.ts';

/**
 * The whole desired state of one feed. Objects that did not change since the last delivery are the same objects
 * (`===`): the table finds out what is new by identity.
 */
export interface FeedState {
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  /** The node that the feed was told is sluice's own, where it knows more of it than the configuration. */
  readonly node?: FeedNode;
}

/** Kubernetes `Node`, as far as a proxy on it cares. */
export interface FeedNode {
  readonly place: NodePlace;
  /** `spec.podCIDRs`, as `parseCidr` gives them. */
  readonly podCidrs: readonly string[];
  /** `status.addresses`, the internal ones before the external ones; absent: they are not known. */
  readonly addresses?: readonly Ip[];
}

/** Where a feed delivers; the table makes one for each feed. */
export interface FeedSink {
  /** Replaces all that this feed said before. The first call says that its first sync is complete. */
  sync(state: FeedState): void;
  /**
   * Replaces the feed's list of problems; an empty list says that all is well. Reporting does not touch the state:
   * what was last synced keeps serving.
   */
  report(problems: readonly Problem[]): void;
}
