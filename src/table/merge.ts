import type { Problem } from '../base/errors.ts';
import type { FeedState } from '../model/feed-state.ts';
import type { ServiceKey } from '../model/keys.ts';
import type { NodeView } from '../model/node.ts';
import type { EndpointSlice, Service } from '../model/service.ts';
import type { ServiceSettings } from '../model/settings.ts';

export interface FeedInput {
  readonly name: string;
  readonly state: FeedState;
}

export interface BuildInput {
  /** In the order of precedence: what two feeds claim, the first has. */
  readonly feeds: readonly FeedInput[];
  /** The process's settings, which a service overrides. */
  readonly settings: ServiceSettings;
  /** The node that sluice stands on; absent: it is not known. */
  readonly node?: NodeView;
}

/** A service, and the feed that defines it. */
export interface Claim {
  readonly service: Service;
  readonly feed: string;
}

export interface MergedServices {
  readonly services: ReadonlyMap<ServiceKey, Claim>;
  readonly problems: readonly Problem[];
}

/** Each service as its first feed defines it. */
export function mergeServices(feeds: readonly FeedInput[]): MergedServices {
  const services = new Map<ServiceKey, Claim>();
  const problems: Problem[] = [];
  for (const { name: feed, state } of feeds) {
    for (const service of state.services) {
      const first = services.get(service.key);
      if (first === undefined) services.set(service.key, { service, feed });
      else {
        problems.push({
          code: 'TABLE_SERVICE_DUPLICATE',
          message: `service ${service.key} is defined by feed ${first.feed}, what feed ${feed} says of it is ignored: remove one of the two`,
        });
      }
    }
  }
  return { services, problems };
}

/**
 * The slices of all feeds by service: slices of one feed may belong to a service of another, and one that a feed has twice
 * counts once. `only`: of these services; absent: of all.
 */
export function groupSlices(
  feeds: readonly FeedInput[],
  only?: ReadonlySet<ServiceKey>,
): ReadonlyMap<ServiceKey, readonly EndpointSlice[]> {
  const groups = new Map<ServiceKey, EndpointSlice[]>();
  for (const { state } of feeds) {
    const seen = new Set<string>();
    for (const slice of state.slices) {
      if (only?.has(slice.service) === false || seen.has(slice.name)) continue;
      seen.add(slice.name);
      const group = groups.get(slice.service);
      if (group === undefined) groups.set(slice.service, [slice]);
      else group.push(slice);
    }
  }
  return groups;
}
