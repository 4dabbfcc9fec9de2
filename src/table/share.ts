import { isDeepStrictEqual } from 'node:util';
import { sameAddressSet } from '../model/address-set.ts';
import type { Service, SliceEndpoint } from '../model/service.ts';
import type { Frontend, HealthCheck, ServicePort } from '../model/snapshot.ts';

/**
 * Structural sharing: a function `shareX` returns `old` if `next` says the same, so that "nothing changed" is `===` for
 * every reader of a snapshot.
 */

export function shareList<T>(old: readonly T[], next: readonly T[]): readonly T[] {
  return old.length === next.length && next.every((item, index) => item === old[index]) ? old : next;
}

export function shareService(old: Service | undefined, next: Service): Service {
  return old !== undefined && isDeepStrictEqual(old, next) ? old : next;
}

/** Expects the lists of endpoints to be shared already. */
export function shareServicePort(old: ServicePort | undefined, next: ServicePort): ServicePort {
  if (old === undefined) return next;
  const settings = isDeepStrictEqual(old.settings, next.settings) ? old.settings : next.settings;
  const same =
    settings === old.settings &&
    old.endpoints === next.endpoints &&
    old.eligible === next.eligible &&
    old.cluster === next.cluster &&
    old.local === next.local &&
    old.place?.name === next.place?.name &&
    old.place?.zone === next.place?.zone &&
    old.affinityTimeoutMs === next.affinityTimeoutMs;
  if (same) return old;
  return settings === next.settings ? next : { ...next, settings };
}

/** Expects the service port to be shared already. */
export function shareFrontend(old: Frontend | undefined, next: Frontend): Frontend {
  if (old === undefined) return next;
  const same =
    old.servicePort === next.servicePort &&
    old.kind === next.kind &&
    old.scope === next.scope &&
    sameAddressSet(old.nearby, next.nearby) &&
    sameAddressSet(old.sources, next.sources);
  return same ? old : next;
}

export function shareHealthCheck(old: HealthCheck | undefined, next: HealthCheck): HealthCheck {
  return old?.port === next.port && old.localEndpoints === next.localEndpoints ? old : next;
}

/** The same conditions and place; the address is not compared. */
export function sameEndpoint(one: SliceEndpoint, other: SliceEndpoint): boolean {
  return (
    one.ready === other.ready &&
    one.serving === other.serving &&
    one.terminating === other.terminating &&
    one.weight === other.weight &&
    one.nodeName === other.nodeName &&
    one.zone === other.zone &&
    sameTexts(one.forNodes, other.forNodes) &&
    sameTexts(one.forZones, other.forZones)
  );
}

function sameTexts(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  if (one === other) return true;
  return one?.length === other?.length && one?.every((text, index) => text === other?.[index]) === true;
}
