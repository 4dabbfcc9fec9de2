import { sumOf } from '../metrics/service-families.ts';
import type { FrontendView, ServicePortView } from '../metrics/views.ts';
import { formatAddressPort } from '../model/address.ts';
import type { ServicePortKey } from '../model/keys.ts';
import type { Endpoint } from '../model/snapshot.ts';
import { type Target, TargetStats } from '../model/target.ts';
import { jsonList } from './json-list.ts';
import type { Counts, EndpointEntry, FrontendEntry, ServicePortEntry } from './shapes.ts';

/** What `/services` is made of, asked for anew with each request. */
export interface SnapshotSource {
  snapshotVersion(): number;
  servicePorts(): Iterable<ServicePortView>;
  frontends(): Iterable<FrontendView>;
}

/** The text of a `ServicesResponse`, in pieces. */
export function servicesJson(source: SnapshotSource): AsyncGenerator<string> {
  const frontends = frontendsByServicePort(source.frontends());
  const head = `{"version":${source.snapshotVersion()},"servicePorts":[`;
  return jsonList(head, source.servicePorts(), (view) =>
    servicePortEntry(view, frontends.get(view.servicePort.key) ?? []),
  );
}

function frontendsByServicePort(views: Iterable<FrontendView>): Map<ServicePortKey, FrontendEntry[]> {
  const entries = new Map<ServicePortKey, FrontendEntry[]>();
  for (const view of views) {
    const { key } = view.frontend.servicePort;
    entries.set(key, [...(entries.get(key) ?? []), frontendEntry(view)]);
  }
  return entries;
}

export function frontendEntry({ frontend, state }: FrontendView): FrontendEntry {
  const vip = formatAddressPort(frontend.address, frontend.port);
  return { vip, state: state.kind, ...(state.kind === 'failed' && { code: state.code }) };
}

export function servicePortEntry(view: ServicePortView, frontends: readonly FrontendEntry[]): ServicePortEntry {
  const { namespace, name, portName, protocol, family, settings, affinityTimeoutMs } = view.servicePort;
  return {
    namespace,
    service: name,
    port: portName,
    protocol,
    family,
    policy: settings.policy,
    ...(affinityTimeoutMs !== undefined && { affinityTimeoutSeconds: affinityTimeoutMs / 1000 }),
    affinityEntries: view.affinityEntries,
    frontends,
    totals: countsOf(sumOf(view)),
    endpoints: endpointEntries(view),
  };
}

/** The endpoints of the service port in their order, then those that have left it and still carry flows. */
function endpointEntries({ servicePort, targets }: ServicePortView): EndpointEntry[] {
  const known = new Set(servicePort.endpoints.map((endpoint) => endpoint.key));
  const eligible = new Set(servicePort.eligible.map((endpoint) => endpoint.key));
  const left = [...targets.values()].filter((target) => !known.has(target.endpoint.key));
  return [
    ...servicePort.endpoints.map((each) => endpointEntry(each, targets.get(each.key), eligible.has(each.key), true)),
    ...left.map((target) => endpointEntry(target.endpoint, target, false, false)),
  ];
}

function endpointEntry(
  endpoint: Endpoint,
  target: Target | undefined,
  eligible: boolean,
  present: boolean,
): EndpointEntry {
  const { key, ready, serving, terminating, weight, nodeName, zone } = endpoint;
  return {
    endpoint: key,
    ready,
    serving,
    terminating,
    weight,
    ...(nodeName !== undefined && { nodeName }),
    ...(zone !== undefined && { zone }),
    eligible,
    present,
    ...countsOf(target?.stats ?? new TargetStats()),
  };
}

function countsOf(stats: TargetStats): Counts {
  const { active, opened, closed } = stats;
  const { bytesToEndpoint, bytesFromEndpoint, datagramsToEndpoint, datagramsFromEndpoint } = stats;
  return { active, opened, closed, bytesToEndpoint, bytesFromEndpoint, datagramsToEndpoint, datagramsFromEndpoint };
}
