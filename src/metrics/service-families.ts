import type { ServicePort } from '../model/snapshot.ts';
import { TargetStats } from '../model/target.ts';
import { Family, type LabelText, labelText } from './family.ts';
import { type FlowCounters, ServicePortCounters } from './flow-counters.ts';
import type { Histogram } from './histogram.ts';
import type { Tally } from './tally.ts';
import type { ServicePortView } from './views.ts';

/** The labels of a service port. There is one for each IP family, so the family is one of them. */
export function servicePortLabels({ namespace, name, portName, protocol, family }: ServicePort): LabelText {
  return labelText({ namespace, service: name, port: portName, protocol, family });
}

function create() {
  return {
    opened: new Family('sluice_flows_opened_total', 'counter', 'TCP connections and UDP sessions that came in.'),
    closed: new Family('sluice_flows_closed_total', 'counter', 'Flows that ended, by reason and by who ended them.'),
    active: new Family('sluice_flows_active', 'gauge', 'Flows now: opened minus closed.'),
    failures: new Family('sluice_connect_failures_total', 'counter', 'Failed tries to reach an endpoint, by reason.'),
    errors: new Family(
      'sluice_socket_errors_total',
      'counter',
      'Failed tries and broken flows, by error code (errno).',
    ),
    retries: new Family('sluice_retries_total', 'counter', 'Failed tries after which another endpoint was tried.'),
    drops: new Family('sluice_datagrams_dropped_total', 'counter', 'Datagrams not passed on, by reason.'),
    accepts: new Family('sluice_accept_failures_total', 'counter', 'Failed calls of accept(2), by error code.'),
    connect: new Family('sluice_connect_seconds', 'histogram', 'From a new flow to its endpoint answering, all tries.'),
    affinity: new Family('sluice_affinity_entries', 'gauge', 'Clients that session affinity remembers.'),
    endpoints: new Family('sluice_endpoints', 'gauge', 'Endpoints that are known.'),
    eligible: new Family('sluice_endpoints_eligible', 'gauge', 'Endpoints that get new flows now.'),
  };
}

const totals = [
  ['bytesToEndpoint', 'sluice_to_endpoints_bytes_total', 'Payload passed on to endpoints.'],
  ['bytesFromEndpoint', 'sluice_from_endpoints_bytes_total', 'Payload that came from endpoints.'],
  ['datagramsToEndpoint', 'sluice_to_endpoints_datagrams_total', 'Datagrams passed on to endpoints.'],
  ['datagramsFromEndpoint', 'sluice_from_endpoints_datagrams_total', 'Datagrams that came from endpoints.'],
] as const;

/** The families that have one line, or one for each reason, a service port. */
export function serviceFamilies(counters: FlowCounters, views: readonly ServicePortView[]): Family[] {
  const families = create();
  const sums = totals.map(([, name, help]) => new Family(name, 'counter', help));
  for (const view of views) {
    const labels = servicePortLabels(view.servicePort);
    addFlows(families, labels, counters.servicePort(view.servicePort.key) ?? new ServicePortCounters(view.servicePort));
    addState(families, labels, view);
    addTotals(sums, labels, view);
  }
  const present = new Set(views.map((view) => view.servicePort.key));
  for (const gone of counters.servicePorts()) {
    if (!present.has(gone.servicePort.key)) addFlows(families, servicePortLabels(gone.servicePort), gone);
  }
  return [...Object.values(families), ...sums];
}

function addFlows(families: ReturnType<typeof create>, labels: LabelText, counters: ServicePortCounters): void {
  families.opened.add(counters.opened, labels);
  families.active.add(counters.active, labels);
  families.retries.add(counters.retries, labels);
  for (const [by, closed] of Object.entries(counters.closedBy))
    addTally(families.closed, `${labels},by="${by}"`, closed);
  addTally(families.failures, labels, counters.failures);
  addTally(families.drops, labels, counters.drops);
  addCodes(families.errors, labels, counters.socketErrors);
  addCodes(families.accepts, labels, counters.acceptFailures);
  if (counters.connectSeconds.count > 0) addHistogram(families.connect, labels, counters.connectSeconds);
}

function addState(families: ReturnType<typeof create>, labels: LabelText, view: ServicePortView): void {
  families.affinity.add(view.affinityEntries, labels);
  families.endpoints.add(view.servicePort.endpoints.length, labels);
  families.eligible.add(view.servicePort.eligible.length, labels);
}

function addTotals(families: readonly Family[], labels: LabelText, view: ServicePortView): void {
  const sum = sumOf(view);
  for (const [index, [field]] of totals.entries()) {
    const ofUdpOnly = field === 'datagramsToEndpoint' || field === 'datagramsFromEndpoint';
    if (!ofUdpOnly || view.servicePort.protocol === 'UDP') families[index]?.add(sum[field], labels);
  }
}

/** What a service port has carried: by all its targets, those that are gone included. */
export function sumOf({ targets, retired }: ServicePortView): TargetStats {
  const sum = new TargetStats();
  for (const stats of [retired, ...[...targets.values()].map((target) => target.stats)]) {
    sum.active += stats.active;
    sum.opened += stats.opened;
    sum.closed += stats.closed;
    sum.bytesToEndpoint += stats.bytesToEndpoint;
    sum.bytesFromEndpoint += stats.bytesFromEndpoint;
    sum.datagramsToEndpoint += stats.datagramsToEndpoint;
    sum.datagramsFromEndpoint += stats.datagramsFromEndpoint;
  }
  return sum;
}

/** Only words that were said have a line. */
export function addTally(family: Family, labels: LabelText, tally: Tally<string>): void {
  for (const [reason, count] of tally.entries()) family.add(count, `${labels},reason="${reason}"`);
}

/** Codes are the system's words: not one of ours may break a line. */
function addCodes(family: Family, labels: LabelText, tally: Tally<string>): void {
  for (const [code, count] of tally.entries()) family.add(count, `${labels},${labelText({ code })}`);
}

function addHistogram(family: Family, labels: LabelText, histogram: Histogram): void {
  for (const [bound, count] of histogram.cumulative()) family.add(count, `${labels},le="${bound}"`, '_bucket');
  family.add(histogram.count, `${labels},le="+Inf"`, '_bucket');
  family.add(histogram.sum, labels, '_sum');
  family.add(histogram.count, labels, '_count');
}
