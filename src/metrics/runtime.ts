import { collectDefaultMetrics, type Registry } from 'prom-client';

/** How often the event loop's delay is sampled: often enough to see 100 ms, seldom enough to leave an idle host idle. */
const eventLoopPrecisionMs = 20;

/**
 * Left out: each lists every handle, request and resource of the process, which at 50,000 connections stops traffic for
 * a moment at every scrape. `process_open_fds` says as much.
 */
const tooSlow = [
  'nodejs_active_resources',
  'nodejs_active_resources_total',
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
];

/** CPU, memory, descriptors, garbage collection and event-loop lag, under the names that dashboards know. */
export function registerRuntimeMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: eventLoopPrecisionMs });
  for (const name of tooSlow) registry.removeSingleMetric(name);
}
