import { quoted, uselessAddress } from '../config/fields.ts';
import type { Fault } from '../config/issues.ts';
import { parseIp } from '../model/address.ts';
import type { PodManifest } from './manifest-schema.ts';
import type { Pod, PodPort } from './pod.ts';

export type PodResult =
  | { readonly kind: 'pod'; readonly pod: Pod }
  /** It has ended, or has no address yet. */
  | { readonly kind: 'not-proxied' }
  | { readonly kind: 'invalid'; readonly faults: readonly Fault[] };

/** `Pod`, from the side of the endpoints controller (`ShouldPodBeInEndpoints` of k8s.io/endpointslice). */
export function podOf({ metadata, spec, status }: PodManifest): PodResult {
  const { phase, podIP, podIPs, conditions } = status ?? {};
  const texts = podIPs?.length ? podIPs.map(({ ip }) => ip) : [podIP ?? ''];
  const known = texts.filter((text) => text);
  if (phase === 'Succeeded' || phase === 'Failed' || known.length === 0) return { kind: 'not-proxied' };
  const faults = known.flatMap(faultOf);
  if (faults.length > 0) return { kind: 'invalid', faults };
  const { namespace, name, labels, deletionTimestamp } = metadata;
  const pod: Pod = {
    namespace,
    name,
    labels,
    addresses: known.map((text) => parseIp(text ?? '')).filter((address) => address !== undefined),
    ...(spec?.nodeName && { nodeName: spec.nodeName }),
    ready: conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true,
    terminating: Boolean(deletionTimestamp),
    ports: portsOf(spec),
  };
  return { kind: 'pod', pod };
}

function faultOf(text: string | null | undefined, index: number): readonly Fault[] {
  const address = parseIp(text ?? '');
  const fault = address === undefined ? 'it is not an IP address' : uselessAddress(address);
  if (fault === undefined) return [];
  const path = ['status', 'podIPs', index, 'ip'];
  return [{ code: 'MANIFEST_INVALID', path, message: `${quoted(text)} cannot be a pod's address: ${fault}` }];
}

/** Of init containers only those that go on beside the others (`restartPolicy: Always`) have ports. */
function portsOf(spec: PodManifest['spec']): readonly PodPort[] {
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...(spec?.containers ?? []), ...sidecars].flatMap(({ ports }) =>
    (ports ?? []).flatMap(({ name, containerPort: port, protocol }): PodPort[] =>
      !name || protocol === 'SCTP' ? [] : [{ name, port, protocol }],
    ),
  );
}
