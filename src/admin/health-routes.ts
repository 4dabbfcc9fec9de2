import { json, type Route } from './answer.ts';
import { type HealthSource, healthOf } from './health.ts';

/** An update that waits longer than this to be applied is stuck, in milliseconds. */
export const updateLimitMs = 30_000;

export type NodeHealthSource = Pick<HealthSource, 'updateWaitingMs' | 'draining'>;

/** Whether this process can be counted on for new flows: it applies updates, and is not about to end. */
export function forwards(source: NodeHealthSource): boolean {
  return healthOf(source, updateLimitMs).status === 'ok' && !source.draining();
}

/**
 * kube-proxy's `--healthz-bind-address`: `/healthz` says whether load balancers should send traffic to this node, and
 * fails as soon as sluice drains; `/livez` says whether the process should be left running (KEP-3836).
 */
export function healthRoutes(source: NodeHealthSource): ReadonlyMap<string, Route> {
  const answer = (isGood: () => boolean) => () =>
    json(isGood() ? 200 : 503, { ...healthOf(source, updateLimitMs), nodeEligible: !source.draining() });
  return new Map([
    ['/healthz', answer(() => forwards(source))],
    ['/livez', answer(() => healthOf(source, updateLimitMs).status === 'ok')],
  ]);
}
