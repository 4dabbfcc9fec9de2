import { quoted, uselessAddress } from '../config/fields.ts';
import type { Fault } from '../config/issues.ts';
import { portFaults } from '../config/rules.ts';
import { defaultAffinitySeconds } from '../config/service-schema.ts';
import type { Ip } from '../model/address.ts';
import { parseIp } from '../model/address.ts';
import { serviceKey } from '../model/keys.ts';
import type { Service, ServicePortSpec } from '../model/service.ts';
import type { SettingsOverride } from '../model/settings.ts';
import { metaOf } from './manifest-meta.ts';
import type { ServiceManifest } from './manifest-schema.ts';

export type ServiceResult =
  | { readonly kind: 'service'; readonly service: Service }
  /** There is nothing to listen on: headless (`clusterIP: None` or empty), or `ExternalName`. */
  | { readonly kind: 'not-proxied' }
  | { readonly kind: 'invalid'; readonly faults: readonly Fault[] };

/** `ServiceSpec`, from the proxy's side. Ports of SCTP are left out: sluice relays TCP and UDP. */
export function serviceOf({ metadata, spec }: ServiceManifest): ServiceResult {
  const addresses = clusterIps(spec);
  if (spec.type === 'ExternalName' || addresses.length === 0) return { kind: 'not-proxied' };
  const vips = addresses.map((text) => parseIp(text));
  const ports = (spec.ports ?? []).flatMap(({ name, port, protocol }): ServicePortSpec[] =>
    protocol === 'SCTP' ? [] : [{ name: name ?? '', port, protocol }],
  );
  const faults = [
    ...vipFaults(addresses, spec.clusterIPs?.length ? 'clusterIPs' : 'clusterIP'),
    ...portFaults(spec.ports ?? [], ['spec', 'ports']),
  ];
  if (faults.length > 0) return { kind: 'invalid', faults };
  const { namespace, name } = metadata;
  const affinityTimeoutMs = affinityOf(spec);
  const service: Service = {
    key: serviceKey(namespace, name),
    namespace,
    name,
    vips: [...new Set(vips.filter((vip) => vip !== undefined))],
    ports,
    ...(affinityTimeoutMs !== undefined && { affinityTimeoutMs }),
    settings: settingsOf(metadata.annotations),
    crossFamily: false,
    meta: metaOf({ metadata, spec }),
  };
  return { kind: 'service', service };
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
  const oneway = annotations?.['sluice/udp-oneway'];
  return { ...(policy && { policy }), ...(oneway && { udp: { oneway: oneway === 'true' } }) };
}
