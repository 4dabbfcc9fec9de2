import type { FeedNode, FeedState } from '../../model/feed-state.ts';
import type { EndpointSlice, Service } from '../../model/service.ts';
import { keepIdentity } from '../inline.ts';
import type { StoredObject } from './manifest-store.ts';

export interface AssembleOptions {
  readonly node: FeedNode | undefined;
  /** Only the slices of services that are there: the others' are not asked for. */
  readonly onlySelected: boolean;
}

/** The state that the stored objects make. */
export function assemble(
  services: Iterable<StoredObject>,
  endpoints: Iterable<StoredObject>,
  { node, onlySelected }: AssembleOptions,
): FeedState {
  const allServices: Service[] = [];
  for (const { manifest } of services) if (manifest?.kind === 'service') allServices.push(manifest.service);
  const allSlices: EndpointSlice[] = [];
  for (const { manifest } of endpoints) {
    if (manifest?.kind === 'slice') allSlices.push(manifest.slice);
    else if (manifest?.kind === 'endpoints') allSlices.push(...manifest.slices);
  }
  const base = { services: allServices, ...(node !== undefined && { node }) };
  if (!onlySelected) return { ...base, slices: allSlices };
  const known = new Set(allServices.map(({ key }) => key));
  return { ...base, slices: allSlices.filter(({ service }) => known.has(service)) };
}

/** `next` with the objects of `before` where they say the same. */
export function sharing(before: FeedState | undefined, next: FeedState): FeedState {
  if (before === undefined) return next;
  return {
    ...next,
    services: keepIdentity(before.services, next.services, ({ key }) => key),
    slices: keepIdentity(before.slices, next.slices, ({ name }) => name),
  };
}
