import { quoted, uselessAddress } from '../config/fields.ts';
import type { Fault } from '../config/issues.ts';
import { portFaults } from '../config/rules.ts';
import { defaultAffinitySeconds } from '../config/service-schema.ts';
import type { Ip } from '../model/address.ts';
import { parseIp } from '../model/address.ts';
import { serviceKey } from '../model/keys.ts';
import type { NotProxied, Service, ServicePortSpec } from '../model/service.ts';
import type { SettingsOverride } from '../model/settings.ts';
import { metaOf } from './manifest-meta.ts';
import { outsideOf } from './manifest-outside.ts';
import type { ServiceManifest } from './manifest-schema.ts';
import type { SelectedPort, Selection } from './pod.ts';

export type ServiceResult =
  /** `selection` is absent for a Service without a selector: its endpoints are written by somebody. */
  | { readonly kind: 'service'; readonly service: Service; readonly selection?: Selection }
  | { readonly kind: 'invalid'; readonly faults: readonly Fault[] };

/** `ServiceSpec`, from the proxy's side. Ports of SCTP are left out: sluice relays TCP and UDP. */
export function serviceOf(manifest: ServiceManifest): ServiceResult {
  const { metadata, spec } = manifest;
  const addresses = clusterIps(spec);
  if (spec.type === 'ExternalName' || addresses.length === 0) return { kind: 'service', service: unproxied(manifest) };
  const vips = addresses.map((text) => parseIp(text));
  const { outside, faults: outsideFaults } = outsideOf(manifest);
  const faults = [
    ...vipFaults(addresses, spec.clusterIPs?.length ? 'clusterIPs' : 'clusterIP'),
    ...portFaults(spec.ports ?? [], ['spec', 'ports']),
    ...outsideFaults,
  ];
  if (faults.length > 0) return { kind: 'invalid', faults };
  const { namespace, name } = metadata;
  const affinityTimeoutMs = affinityOf(spec);
  const service: Service = {
    key: serviceKey(namespace, name),
    namespace,
    name,
    vips: [...new Set(vips.filter((vip) => vip !== undefined))],
    ports: portsOf(spec),
    settings: settingsOf(metadata.annotations),
    crossFamily: false,
    meta: metaOf({ metadata, spec }),
    ...outside,
    ...(affinityTimeoutMs !== undefined && { affinityTimeoutMs }),
  };
  const selection = selectionOf(spec);
  return { kind: 'service', service, ...(selection !== undefined && { selection }) };
}

/** There is nothing to listen on, and nothing that could be wrong: it is there to be seen. */
function unproxied({ metadata, spec }: ServiceManifest): Service {
  const { namespace, name } = metadata;
  const affinityTimeoutMs = affinityOf(spec);
  return {
    key: serviceKey(namespace, name),
    namespace,
    name,
    vips: [],
    notProxied: notProxied(spec),
    ports: portsOf(spec),
    ...(affinityTimeoutMs !== undefined && { affinityTimeoutMs }),
    settings: {},
    crossFamily: false,
    meta: metaOf({ metadata, spec }),
  };
}

function notProxied({ type, clusterIP, clusterIPs }: ServiceManifest['spec']): NotProxied {
  if (type === 'ExternalName') return 'external-name';
  return clusterIP === 'None' || clusterIPs?.includes('None') ? 'headless' : 'no-cluster-ip';
}

/** A `nodePort` counts for the types that have node ports; in one of another type it was left over. */
function portsOf({ type, ports }: ServiceManifest['spec']): readonly ServicePortSpec[] {
  const hasNodePorts = type === 'NodePort' || type === 'LoadBalancer';
  return (ports ?? []).flatMap(({ name, port, protocol, nodePort }): ServicePortSpec[] => {
    if (protocol === 'SCTP') return [];
    return [{ name: name ?? '', port, protocol, ...(hasNodePorts && nodePort && { nodePort }) }];
  });
}

/** A `targetPort` that is absent, 0 or empty is the same as `port`, as the API server fills it in. */
function selectionOf({ selector, ports, publishNotReadyAddresses }: ServiceManifest['spec']): Selection | undefined {
  if (!selector || Object.keys(selector).length === 0) return undefined;
  const selected = (ports ?? []).flatMap(({ name, port, protocol, targetPort }): SelectedPort[] =>
    protocol === 'SCTP' ? [] : [{ name: name ?? '', protocol, target: targetPort || port }],
  );
  return { selector, ports: selected, publishNotReady: publishNotReadyAddresses === true };
}

/** `clusterIPs`, or, from before dual stack (1.20), `clusterIP`. */
function clusterIps({ clusterIP, clusterIPs }: ServiceManifest['spec']): readonly string[] {
  const all = clusterIPs?.length ? clusterIPs : [clusterIP ?? ''];
  return all.filter((address) => address !== '' && address !== 'None');
}

function vipFaults(addresses: readonly string[], key: 'clusterIP' | 'clusterIPs'): readonly Fault[] {
  return addresses.flatMap((text, index) => {
    const address: Ip | undefined = parseIp(text);
    const fault = address === undefined ? 'it is not an IP address' : uselessAddress(address);
    if (fault === undefined) return [];
    const path = key === 'clusterIPs' ? ['spec', key, index] : ['spec', key];
    return [{ code: 'MANIFEST_INVALID', path, message: `${quoted(text)} cannot be a VIP: ${fault}` }];
  });
}

/** `sessionAffinityConfig.clientIP.timeoutSeconds` counts only if `sessionAffinity` is `ClientIP`. */
function affinityOf({ sessionAffinity, sessionAffinityConfig }: ServiceManifest['spec']): number | undefined {
  if (sessionAffinity !== 'ClientIP') return undefined;
  return 1_000 * (sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds);
}

function settingsOf(annotations: ServiceManifest['metadata']['annotations']): SettingsOverride {
  const policy = annotations?.['sluice/policy'];
  const sendProxy = annotations?.['sluice/proxy-protocol'];
  const sendUdp = annotations?.['sluice/proxy-protocol-udp'];
  const oneway = annotations?.['sluice/udp-oneway'];
  const clientAddress = annotations?.['sluice/client-address'];
  const kept = clientAddress && { clientAddress };
  const tcp = { ...(sendProxy && { sendProxy }), ...kept };
  const udp = { ...(oneway && { oneway: oneway === 'true' }), ...(sendUdp && { sendProxy: sendUdp }), ...kept };
  return {
    ...(policy && { policy }),
    ...((sendProxy || kept) && { tcp }),
    ...((oneway || sendUdp || kept) && { udp }),
  };
}
