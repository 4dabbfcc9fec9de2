import { familyOf } from '../model/address.ts';
import type { Service, ServicePortSpec, TrafficPolicy } from '../model/service.ts';
import type { ServiceView } from './object-source.ts';
import type { ObjectMeta, ServiceObject, ServicePortObject, ServiceSpec } from './shapes.ts';

/** A service in the words of Kubernetes. What was left to a default is written out. */
export function serviceObject(view: ServiceView): ServiceObject {
  const { service } = view;
  const { annotations } = service.meta ?? {};
  const ingress = service.loadBalancerIps?.map((ip) => ({ ip }));
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...metadataOf(view), ...(annotations && { annotations }) },
    spec: specOf(service),
    status: { loadBalancer: { ...(ingress?.length && { ingress }) } },
  };
}

/** The metadata that a service and its endpoints have in common. */
export function metadataOf({ service, createdAt }: ServiceView): ObjectMeta {
  const { name, namespace, meta } = service;
  return { name, namespace, ...(meta?.labels && { labels: meta.labels }), creationTimestamp: createdAt };
}

function specOf(service: Service): ServiceSpec {
  const { vips, ports, externalIps, loadBalancerSourceRanges, healthCheckNodePort, meta } = service;
  const { notProxied, internalTrafficPolicy = 'Cluster' } = service;
  const externalTrafficPolicy = externalPolicyOf(service);
  return {
    type: typeOf(service),
    ...clusterIpsOf(service),
    ...(meta?.externalName && { externalName: meta.externalName }),
    ...(externalIps?.length && { externalIPs: externalIps }),
    ports: ports.map((port) => portOf(service, port)),
    ...(meta?.selector && { selector: meta.selector }),
    ...affinityOf(service),
    ...(notProxied === undefined && { ipFamilies: [...new Set(vips.map(familyOf))] }),
    ...(meta?.ipFamilyPolicy && { ipFamilyPolicy: meta.ipFamilyPolicy }),
    ...(notProxied !== 'external-name' && { internalTrafficPolicy }),
    ...(externalTrafficPolicy && { externalTrafficPolicy }),
    ...(loadBalancerSourceRanges && { loadBalancerSourceRanges }),
    ...(healthCheckNodePort !== undefined && { healthCheckNodePort }),
  };
}

/** The API server writes the default out for what is reached from outside. */
function externalPolicyOf(service: Service): TrafficPolicy | undefined {
  const { externalTrafficPolicy, externalIps, notProxied } = service;
  if (notProxied !== undefined) return undefined;
  const isOutside = typeOf(service) !== 'ClusterIP' || externalIps?.length;
  return externalTrafficPolicy ?? (isOutside ? 'Cluster' : undefined);
}

/** As the API server fills them in. */
function clusterIpsOf({ vips, notProxied }: Service): Pick<ServiceSpec, 'clusterIP' | 'clusterIPs'> {
  if (notProxied === 'headless') return { clusterIP: 'None', clusterIPs: ['None'] };
  const [clusterIP] = vips;
  return clusterIP === undefined ? {} : { clusterIP, clusterIPs: vips };
}

/** Services of the configuration do not say their type: it is the least that has what they have. */
function typeOf({ meta, loadBalancerIps, ports }: Service): string {
  if (meta?.type !== undefined) return meta.type;
  if (loadBalancerIps?.length) return 'LoadBalancer';
  return ports.some(({ nodePort }) => nodePort !== undefined) ? 'NodePort' : 'ClusterIP';
}

function affinityOf({
  affinityTimeoutMs: ms,
}: Service): Pick<ServiceSpec, 'sessionAffinity' | 'sessionAffinityConfig'> {
  if (ms === undefined) return { sessionAffinity: 'None' };
  return { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: ms / 1_000 } } };
}

function portOf({ meta }: Service, { name, port, protocol, nodePort }: ServicePortSpec): ServicePortObject {
  const target = meta?.targetPorts?.[`${name}/${protocol}`];
  return {
    ...(name !== '' && { name }),
    port,
    protocol,
    ...(target !== undefined && { targetPort: /^\d+$/.test(target) ? Number(target) : target }),
    ...(nodePort !== undefined && { nodePort }),
  };
}
