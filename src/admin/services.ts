import { setImmediate as nextTurn } from 'node:timers/promises';
import { sumOf } from '../metrics/service-families.ts';
import type { FrontendView, ServicePortView } from '../metrics/views.ts';
import { formatAddressPort } from '../model/address.ts';
import type { ServicePortKey } from '../model/keys.ts';
import type { Endpoint } from '../model/snapshot.ts';
import { type Target, TargetStats } from '../model/target.ts';
import type { Counts, EndpointEntry, FrontendEntry, ServicePortEntry } from './shapes.ts';

/** What `/services` is made of, asked for anew with each request. */
export interface SnapshotSource {
  snapshotVersion(): number;
  servicePorts(): Iterable<ServicePortView>;
  frontends(): Iterable<FrontendView>;
}

/** About as much text as is made in one turn of the event loop. */
const pieceChars = 64 * 1024;

/**
 * The text of a `ServicesResponse`, in pieces: ten thousand endpoints are megabytes, and traffic goes on in between.
 * The entry of one service port is of one moment; two entries may not be.
 */
export async function* servicesJson(source: SnapshotSource): AsyncGenerator<string> {
  const frontends = frontendsByServicePort(source.frontends());
  let piece = `{"version":${source.snapshotVersion()},"servicePorts":[`;
  let separator = '';
  for (const view of [...source.servicePorts()]) {
    piece += separator + JSON.stringify(servicePortEntry(view, frontends.get(view.servicePort.key) ?? []));
    separator = ',';
    if (piece.length < pieceChars) continue;
    yield piece;
    piece = '';
    await nextTurn();
  }
  yield `${piece}]}`;
}

function frontendsByServicePort(views: Iterable<FrontendView>): Map<ServicePortKey, FrontendEntry[]> {
  const entries = new Map<ServicePortKey, FrontendEntry[]>();
  for (const { frontend, state } of views) {
    const { key } = frontend.servicePort;
    const vip = formatAddressPort(frontend.address, frontend.port);
    const entry = { vip, state: state.kind, ...(state.kind === 'failed' && { code: state.code }) };
    entries.set(key, [...(entries.get(key) ?? []), entry]);
  }
  return entries;
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
