import type { Endpoint } from '../model/snapshot.ts';

/** Why an endpoint gets no new flows. */
export type LeftOutReason =
  /** Its weight is 0. */
  | 'weight-zero'
  /** It is neither ready, nor serving while it terminates. */
  | 'not-ready'
  /** It serves while it terminates, and there are ready ones. */
  | 'terminating';

/**
 * The endpoints that get new flows: the ready ones; if there is none, those that still serve while they terminate; else
 * none (KEP-1669, kube-proxy's `CategorizeEndpoints`). Those of weight 0 are left out before anything else.
 */
export function eligibleEndpoints(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const someReady = endpoints.some(isReady);
  return endpoints.filter((endpoint) => leftOutReason(endpoint, someReady) === undefined);
}

/** Whether terminating endpoints of the same list are left out; what `leftOutReason` needs to know of the others. */
export function isReady(endpoint: Endpoint): boolean {
  return endpoint.weight > 0 && endpoint.ready;
}

/** Why `endpoint` gets no new flows, `undefined` if it gets some; `someReady`: `isReady` holds for one of its list. */
export function leftOutReason(endpoint: Endpoint, someReady: boolean): LeftOutReason | undefined {
  if (endpoint.weight <= 0) return 'weight-zero';
  if (endpoint.ready) return undefined;
  if (!endpoint.serving || !endpoint.terminating) return 'not-ready';
  return someReady ? 'terminating' : undefined;
}
