import type { NodePlace } from '../model/node.ts';
import type { SliceEndpoint } from '../model/service.ts';
import type { Scope } from '../model/snapshot.ts';

/** Why an endpoint gets no new flows. */
export type LeftOutReason =
  /** Its weight is 0. */
  | 'weight-zero'
  /** It is not on this node, and the traffic policy is `Local`. */
  | 'other-node'
  /** It is neither ready, nor serving while it terminates. */
  | 'not-ready'
  /** It serves while it terminates, and there are ready ones. */
  | 'terminating'
  /** Hints give it to other nodes, and there are ready ones for this node. */
  | 'hinted-to-other-node'
  /** Hints give it to other zones, and there are ready ones for this zone. */
  | 'hinted-to-other-zone';

/** What the endpoints of a list are together decides about each of them. */
export interface Judgement {
  readonly scope: Scope;
  readonly place: NodePlace;
  /** Some are ready: those that terminate are left out. */
  readonly someReady: boolean;
  /** The hints that are followed; absent: none. */
  readonly hints?: 'node' | 'zone';
}

const nowhere: NodePlace = {};

/**
 * The endpoints that get new flows of a scope: the ready ones; if there is none, those that still serve while they
 * terminate; else none (KEP-1669). Those of weight 0 are left out before anything else. Scope `local` looks at the
 * endpoints on this node only, and not at hints; `cluster` looks at all, and follows the hints of the ready ones
 * (kube-proxy's `CategorizeEndpoints`).
 */
export function eligibleEndpoints<E extends SliceEndpoint>(
  endpoints: readonly E[],
  scope: Scope = 'cluster',
  place: NodePlace = nowhere,
): readonly E[] {
  const judgement = judge(endpoints, scope, place);
  return endpoints.filter((endpoint) => leftOutReason(endpoint, judgement) === undefined);
}

/** What `leftOutReason` needs to know of the list that an endpoint stands in. */
export function judge(endpoints: readonly SliceEndpoint[], scope: Scope, place: NodePlace = nowhere): Judgement {
  const counted = scope === 'local' ? endpoints.filter((endpoint) => isLocal(endpoint, place)) : endpoints;
  const ready = counted.filter(isReady);
  const hints = scope === 'cluster' ? hintsFor(ready, place) : undefined;
  return { scope, place, someReady: ready.length > 0, ...(hints !== undefined && { hints }) };
}

/** Why `endpoint` gets no new flows, `undefined` if it gets some; `judgement`: of the list that it stands in. */
export function leftOutReason(endpoint: SliceEndpoint, judgement: Judgement): LeftOutReason | undefined {
  const { scope, place, someReady, hints } = judgement;
  if (endpoint.weight <= 0) return 'weight-zero';
  if (scope === 'local' && !isLocal(endpoint, place)) return 'other-node';
  if (!endpoint.ready) {
    if (!endpoint.serving || !endpoint.terminating) return 'not-ready';
    return someReady ? 'terminating' : undefined;
  }
  if (hints === 'node' && !isForNode(endpoint, place)) return 'hinted-to-other-node';
  if (hints === 'zone' && !isForZone(endpoint, place)) return 'hinted-to-other-zone';
  return undefined;
}

/** `Endpoint.nodeName` is this node's. */
export function isLocal({ nodeName }: SliceEndpoint, { name }: NodePlace): boolean {
  return name !== undefined && nodeName === name;
}

function isReady({ weight, ready }: SliceEndpoint): boolean {
  return weight > 0 && ready;
}

/**
 * Hints count only if every ready endpoint has them and one names us: a controller that is half done, or that has left
 * a node or zone out, must not cut anybody off. Those for nodes come before those for zones; nodes named and none of
 * them ours, zones are still looked at (kube-proxy's `topologyModeFromHints`).
 */
function hintsFor(ready: readonly SliceEndpoint[], place: NodePlace): Judgement['hints'] {
  if (ready.every(({ forNodes }) => forNodes?.length) && ready.some((endpoint) => isForNode(endpoint, place)))
    return 'node';
  if (ready.every(({ forZones }) => forZones?.length) && ready.some((endpoint) => isForZone(endpoint, place)))
    return 'zone';
  return undefined;
}

function isForNode({ forNodes }: SliceEndpoint, { name }: NodePlace): boolean {
  return name !== undefined && forNodes?.includes(name) === true;
}

function isForZone({ forZones }: SliceEndpoint, { zone }: NodePlace): boolean {
  return zone !== undefined && forZones?.includes(zone) === true;
}
