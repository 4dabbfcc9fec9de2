import { quoted, uselessAddress } from '../config/fields.ts';
import type { Fault } from '../config/issues.ts';
import type { IpFamily } from '../model/address.ts';
import { familyOf, parseIp } from '../model/address.ts';
import { serviceKey } from '../model/keys.ts';
import type { EndpointSlice, SliceEndpoint, SlicePort } from '../model/service.ts';
import type { EndpointPorts, EndpointsManifest, SliceManifest } from './manifest-schema.ts';

export const serviceNameLabel = 'kubernetes.io/service-name';

export type SliceResult = { readonly slice: EndpointSlice } | { readonly faults: readonly Fault[] };

/** The slice of a service; the label kubernetes.io/service-name says of which. `addressType` is IPv4 or IPv6. */
export function sliceOf({ metadata, addressType, ports, endpoints }: SliceManifest, service: string): SliceResult {
  const family: IpFamily = addressType === 'IPv6' ? 'IPv6' : 'IPv4';
  const faults: Fault[] = [];
  const read = (endpoints ?? []).flatMap((endpoint, index) => {
    const result = endpointOf(endpoint, family);
    if (typeof result !== 'string') return [result];
    faults.push({ code: 'MANIFEST_INVALID', path: ['endpoints', index, 'addresses', 0], message: result });
    return [];
  });
  if (faults.length > 0) return { faults };
  const { namespace, name } = metadata;
  const key = serviceKey(namespace, service);
  return { slice: { name: `${namespace}/${name}`, service: key, family, ports: portsOf(ports), endpoints: read } };
}

type EndpointManifest = NonNullable<SliceManifest['endpoints']>[number];

/**
 * `Endpoint.addresses` are alternatives for one and the same endpoint, and Kubernetes itself uses the first only.
 * Conditions that are not said: ready and serving, not terminating (`EndpointConditions`). Text: why it is wrong.
 */
function endpointOf(
  { addresses, conditions, nodeName, zone, hints }: EndpointManifest,
  family: IpFamily,
): SliceEndpoint | string {
  const text = addresses[0] ?? '';
  const address = parseIp(text);
  if (address === undefined) return `${quoted(text)} is not an IP address`;
  const useless = uselessAddress(address);
  if (useless !== undefined) return `${quoted(text)} cannot be an endpoint: ${useless}`;
  if (familyOf(address) !== family) return `${quoted(text)} is not of addressType ${family}`;
  return {
    address,
    ready: conditions?.ready ?? true,
    serving: conditions?.serving ?? true,
    terminating: conditions?.terminating ?? false,
    weight: 1,
    ...(nodeName && { nodeName }),
    ...(zone && { zone }),
    ...(hints?.forNodes?.length && { forNodes: hints.forNodes.map(({ name }) => name) }),
    ...(hints?.forZones?.length && { forZones: hints.forZones.map(({ name }) => name) }),
  };
}

function portsOf(ports: EndpointPorts): readonly SlicePort[] {
  return (ports ?? []).flatMap(({ name, port, protocol }): SlicePort[] => {
    if (port === undefined || port === null || protocol === 'SCTP') return [];
    return [{ name: name ?? '', port, protocol }];
  });
}

type Subset = NonNullable<EndpointsManifest['subsets']>[number];

/** One slice for each subset and IP family. `#` is in no Kubernetes name, so these are different from real slices. */
export function slicesOfEndpoints({ metadata, subsets }: EndpointsManifest): readonly EndpointSlice[] {
  const { namespace, name } = metadata;
  return (subsets ?? []).flatMap((subset, index) => {
    const all = subsetEndpoints(subset);
    return (['IPv4', 'IPv6'] as const).flatMap((family): EndpointSlice[] => {
      const endpoints = all.filter(({ address }) => familyOf(address) === family);
      if (endpoints.length === 0) return [];
      const ports = portsOf(subset.ports);
      return [
        {
          name: `${namespace}/${name}#${index}/${family}`,
          service: serviceKey(namespace, name),
          family,
          ports,
          endpoints,
        },
      ];
    });
  });
}

function subsetEndpoints({ addresses, notReadyAddresses }: Subset): readonly SliceEndpoint[] {
  return [
    ...(addresses ?? []).map((address) => subsetEndpoint(address, true)),
    ...(notReadyAddresses ?? []).map((address) => subsetEndpoint(address, false)),
  ];
}

function subsetEndpoint({ ip, nodeName }: NonNullable<Subset['addresses']>[number], ready: boolean): SliceEndpoint {
  return { address: ip, ready, serving: ready, terminating: false, weight: 1, ...(nodeName && { nodeName }) };
}
