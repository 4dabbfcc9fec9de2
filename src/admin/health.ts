import type { FeedView, FrontendView, VipsView } from '../metrics/views.ts';
import { formatAddressPort } from '../model/address.ts';
import type { FailedFrontend, HealthResponse, ReadyFrontends, ReadyResponse, UnreadyReason } from './shapes.ts';

/** What the answers about health and readiness are made of, asked for anew with each request. */
export interface HealthSource {
  /** How long the oldest update of the services has waited to be applied; 0: none waits. */
  updateWaitingMs(): number;
  /** sluice is about to end and takes no new flows. */
  draining(): boolean;
  /** The version of the snapshot that is applied; 0: none yet. */
  snapshotVersion(): number;
  feeds(): Iterable<FeedView>;
  frontends(): Iterable<FrontendView>;
  vips(): VipsView;
}

/**
 * Alive as long as updates are applied: a process that serves an old snapshot and does not notice looks healthy from
 * outside. Neither an unready feed nor draining is a reason to be restarted. (kube-proxy's `/healthz`: an update that
 * is queued and not applied within a timeout.)
 */
export function healthOf(source: Pick<HealthSource, 'updateWaitingMs'>, limitMs: number): HealthResponse {
  const updateWaitingMs = Math.round(source.updateWaitingMs());
  return { status: updateWaitingMs > limitMs ? 'stuck' : 'ok', updateWaitingMs };
}

/**
 * Ready once every feed has had its first sync, a snapshot is applied and each frontend has been bound or has failed
 * to be; until draining begins. A frontend that cannot be bound, a VIP that this host does not get, or a feed that has
 * problems after its first sync takes nothing from the others: that is `degraded`, unless no frontend is left that works.
 */
export function readinessOf(source: HealthSource): ReadyResponse {
  const feeds = [...source.feeds()].map(({ name, synced, problems, staleSeconds }) => {
    return { name, synced, problems, ...(staleSeconds !== undefined && { staleSeconds }) };
  });
  const frontends = bindings(source.frontends());
  const { problems: vipProblems, cutOff } = source.vips();
  const reasons: UnreadyReason[] = [];
  if (feeds.some((feed) => !feed.synced)) reasons.push('feed-not-synced');
  if (source.snapshotVersion() === 0) reasons.push('nothing-published');
  if (frontends.binding > 0) reasons.push('frontend-binding');
  if (frontends.listening + frontends.binding === 0 && frontends.failed.length > 0)
    reasons.push('no-frontend-listening');
  if (cutOff) reasons.push('vips-not-redirected');
  if (source.draining()) reasons.push('draining');
  const problems = [...vipProblems, ...feeds.flatMap((feed) => feed.problems)];
  const healthy = frontends.failed.length === 0 && problems.length === 0;
  const status = reasons.length > 0 ? 'unready' : healthy ? 'ready' : 'degraded';
  return { status, reasons, feeds, frontends, vips: { problems: vipProblems } };
}

function bindings(views: Iterable<FrontendView>): ReadyFrontends {
  const counts = { listening: 0, binding: 0 };
  const failed: FailedFrontend[] = [];
  for (const { frontend, state } of views) {
    if (state.kind !== 'failed') {
      counts[state.kind] += 1;
      continue;
    }
    const vip = formatAddressPort(frontend.address, frontend.port);
    const { protocol, servicePort } = frontend;
    failed.push({ vip, protocol, service: servicePort.service, code: state.code, message: state.message });
  }
  return { ...counts, failed };
}
