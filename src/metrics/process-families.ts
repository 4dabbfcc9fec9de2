import { formatAddressPort } from '../model/address.ts';
import { Family, labelText } from './family.ts';
import type { LiveViews, ServicePortView } from './views.ts';

/** The families about the process as a whole: its table, its frontends, its feeds, its limits. */
export function processFamilies(views: LiveViews, servicePorts: readonly ServicePortView[]): Family[] {
  return [
    ...tableFamilies(views, servicePorts),
    ...frontendFamilies(views),
    ...feedFamilies(views),
    single('sluice_vip_problems', 'gauge', 'What keeps VIPs from this host now.', views.vips().problems.length),
    single('sluice_flows_limit', 'gauge', 'The most flows that the process takes at once.', views.flowsLimit()),
    single('sluice_log_lines_dropped_total', 'counter', 'Log lines given up to a slow log.', views.logLinesDropped()),
  ];
}

function single(name: string, type: 'counter' | 'gauge', help: string, value: number): Family {
  const family = new Family(name, type, help);
  family.add(value);
  return family;
}

function tableFamilies(views: LiveViews, servicePorts: readonly ServicePortView[]): Family[] {
  const services = new Set(servicePorts.map(({ servicePort }) => servicePort.service));
  return [
    single('sluice_services', 'gauge', 'Services that are proxied.', services.size),
    single('sluice_service_ports', 'gauge', 'Service ports, one for each IP family.', servicePorts.length),
    single('sluice_snapshot_version', 'gauge', 'The version of the snapshot in use.', views.snapshotVersion()),
  ];
}

function frontendFamilies(views: LiveViews): Family[] {
  const states = new Family('sluice_frontends', 'gauge', 'VIP:PORT frontends by state.');
  const failed = new Family('sluice_frontend_bind_failed', 'gauge', '1 for each frontend that cannot be bound.');
  const counts = { listening: 0, binding: 0, failed: 0 };
  for (const { frontend, state } of views.frontends()) {
    counts[state.kind] += 1;
    if (state.kind !== 'failed') continue;
    const vip = formatAddressPort(frontend.address, frontend.port);
    failed.add(1, labelText({ vip, protocol: frontend.protocol, code: state.code }));
  }
  for (const [state, count] of Object.entries(counts)) states.add(count, labelText({ state }));
  return [states, failed];
}

function feedFamilies(views: LiveViews): Family[] {
  const synced = new Family('sluice_feed_synced', 'gauge', '1 once the first sync of the feed is complete.');
  const problems = new Family('sluice_feed_problems', 'gauge', 'Problems that the feed reports now.');
  const stale = new Family('sluice_feed_stale_seconds', 'gauge', 'Since the source of the feed was last heard of.');
  for (const feed of views.feeds()) {
    const labels = labelText({ feed: feed.name });
    synced.add(feed.synced ? 1 : 0, labels);
    problems.add(feed.problems.length, labels);
    if (feed.staleSeconds !== undefined) stale.add(feed.staleSeconds, labels);
  }
  return [synced, problems, stale];
}
