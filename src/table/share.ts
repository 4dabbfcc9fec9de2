import { isDeepStrictEqual } from 'node:util';
import type { Service, SliceEndpoint } from '../model/service.ts';
import type { Frontend, ServicePort } from '../model/snapshot.ts';

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

/** Expects `endpoints` and `eligible` to be shared already. */
export function shareServicePort(old: ServicePort | undefined, next: ServicePort): ServicePort {
  if (old === undefined) return next;
  const settings = isDeepStrictEqual(old.settings, next.settings) ? old.settings : next.settings;
  const same =
    settings === old.settings &&
    old.endpoints === next.endpoints &&
    old.eligible === next.eligible &&
    old.affinityTimeoutMs === next.affinityTimeoutMs;
  return same ? old : { ...next, settings };
}

/** Expects the service port to be shared already. */
export function shareFrontend(old: Frontend | undefined, next: Frontend): Frontend {
  return old?.servicePort === next.servicePort ? old : next;
}

/** The same conditions and place; the address is not compared. */
export function sameEndpoint(one: SliceEndpoint, other: SliceEndpoint): boolean {
  return (
    one.ready === other.ready &&
    one.serving === other.serving &&
    one.terminating === other.terminating &&
    one.weight === other.weight &&
    one.nodeName === other.nodeName &&
    one.zone === other.zone
  );
}
