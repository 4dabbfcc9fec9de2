import type { Target } from '../model/target.ts';
import { Family, type LabelText } from './family.ts';
import type { FlowCounters } from './flow-counters.ts';
import { addTally, servicePortLabels } from './service-families.ts';
import type { ServicePortView } from './views.ts';

function create() {
  return {
    opened: new Family('sluice_endpoint_flows_opened_total', 'counter', 'Flows that reached the endpoint.'),
    closed: new Family('sluice_endpoint_flows_closed_total', 'counter', 'Flows that reached it and ended, by reason.'),
    active: new Family('sluice_endpoint_flows_active', 'gauge', 'Flows that have reached the endpoint and go on.'),
    eligible: new Family('sluice_endpoint_eligible', 'gauge', '1: it gets new flows. 0: it keeps those it has.'),
    failures: new Family('sluice_endpoint_connect_failures_total', 'counter', 'Failed tries to reach the endpoint.'),
    received: new Family('sluice_endpoint_received_bytes_total', 'counter', 'Payload that the endpoint was sent.'),
    sent: new Family('sluice_endpoint_sent_bytes_total', 'counter', 'Payload that the endpoint has sent.'),
    receivedDatagrams: new Family('sluice_endpoint_received_datagrams_total', 'counter', 'Datagrams sent to it.'),
    sentDatagrams: new Family('sluice_endpoint_sent_datagrams_total', 'counter', 'Datagrams that it has sent.'),
  };
}

/**
 * The families that have a line for each endpoint. An endpoint's series go when it has left its service port and its
 * last flow has ended; the totals of its service port keep what it carried.
 */
export function endpointFamilies(counters: FlowCounters, views: readonly ServicePortView[]): Family[] {
  const families = create();
  for (const view of views) {
    const shared = servicePortLabels(view.servicePort);
    const eligible = new Set(view.servicePort.eligible.map((endpoint) => endpoint.key));
    for (const [key, target] of view.targets) {
      const labels = `${shared},endpoint="${key}"`;
      addCounters(families, labels, counters, target);
      families.eligible.add(eligible.has(key) ? 1 : 0, labels);
      if (view.servicePort.protocol === 'UDP') addDatagrams(families, labels, target);
    }
  }
  return Object.values(families);
}

function addCounters(
  families: ReturnType<typeof create>,
  labels: LabelText,
  counters: FlowCounters,
  target: Target,
): void {
  const { opened, closed, bytesToEndpoint, bytesFromEndpoint } = target.stats;
  families.opened.add(opened, labels);
  families.active.add(opened - closed, labels);
  families.received.add(bytesToEndpoint, labels);
  families.sent.add(bytesFromEndpoint, labels);
  const more = counters.endpoint(target);
  if (more === undefined) return;
  addTally(families.closed, labels, more.closed);
  addTally(families.failures, labels, more.failures);
}

function addDatagrams(families: ReturnType<typeof create>, labels: LabelText, target: Target): void {
  families.receivedDatagrams.add(target.stats.datagramsToEndpoint, labels);
  families.sentDatagrams.add(target.stats.datagramsFromEndpoint, labels);
}
