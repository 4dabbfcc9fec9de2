import { z } from 'zod';
import { port, suggestion, unicast } from '../config/fields.ts';
import { defaultAffinitySeconds } from '../config/service-schema.ts';
import { clientAddressModes, policies, proxyVersions } from '../model/settings.ts';

/**
 * The parts of Kubernetes objects that a proxy reads. Everything else in them is let through: the API server knows them
 * better, and newer versions have more. `null` is what Go writes for an empty list or an absent pointer.
 */
const optional = <Schema extends z.ZodType>(schema: Schema) => schema.nullish();

/** What is only shown spoils nothing by being wrong. */
const forPeople = <Schema extends z.ZodType>(schema: Schema) => schema.optional().catch(undefined);

/** A number, or the name of a port of the pod. */
const targetPort = optional(z.union([z.int(), z.string()]));

const text = z.string().min(1);
const protocol = z
  .enum(['TCP', 'UDP', 'SCTP'])
  .nullish()
  .transform((value) => value ?? 'TCP');

/** `ObjectMeta`, as far as it says which object this is. */
export const metadataSchema = z.object({
  name: text,
  namespace: z
    .string()
    .nullish()
    .transform((value) => value || 'default'),
  labels: optional(z.record(z.string(), z.string())).transform((value) => value ?? {}),
});

const annotationKeys = [
  'sluice/policy',
  'sluice/proxy-protocol',
  'sluice/proxy-protocol-udp',
  'sluice/udp-oneway',
  'sluice/client-address',
];

/** Only those that begin with `sluice/` are ours, and of these only known ones are right. */
const annotations = optional(
  z.looseObject({
    'sluice/policy': z.enum(policies).optional(),
    'sluice/proxy-protocol': z.enum([...proxyVersions, 'off']).optional(),
    'sluice/proxy-protocol-udp': z.enum(['v2', 'off']).optional(),
    'sluice/udp-oneway': z.enum(['true', 'false']).optional(),
    'sluice/client-address': z.enum(clientAddressModes).optional(),
  }),
).superRefine((value, context) => {
  const ours = Object.keys(value ?? {}).filter((key) => key.startsWith('sluice/') && !annotationKeys.includes(key));
  for (const key of ours) {
    const hint = suggestion(key, annotationKeys) || `; there are ${annotationKeys.join(', ')}`;
    context.addIssue({ code: 'custom', path: [key], message: `unknown annotation "${key}"${hint}` });
  }
});

const timeoutSeconds = z
  .int()
  .min(1)
  .max(86_400)
  .nullish()
  .transform((value) => value ?? defaultAffinitySeconds);

/** 0 is what Go writes for none. */
const portOrZero = optional(z.union([z.literal(0), port]));
const trafficPolicy = optional(z.enum(['Cluster', 'Local', '']));

/** core/v1 `Service` */
export const serviceManifest = z.object({
  metadata: metadataSchema.extend({ annotations, creationTimestamp: forPeople(z.string()) }),
  spec: z.object({
    type: optional(z.string()),
    selector: optional(z.record(z.string(), z.string())),
    ipFamilyPolicy: forPeople(z.string()),
    externalName: forPeople(z.string()),
    clusterIP: optional(z.string()),
    clusterIPs: optional(z.array(z.string())),
    ports: optional(
      z.array(z.object({ name: optional(z.string()), port, protocol, targetPort, nodePort: portOrZero })),
    ),
    externalIPs: optional(z.array(z.string())),
    loadBalancerSourceRanges: optional(z.array(z.string())),
    internalTrafficPolicy: trafficPolicy,
    externalTrafficPolicy: trafficPolicy,
    healthCheckNodePort: portOrZero,
    publishNotReadyAddresses: optional(z.boolean()),
    sessionAffinity: optional(z.enum(['None', 'ClientIP', ''])),
    sessionAffinityConfig: optional(z.object({ clientIP: optional(z.object({ timeoutSeconds })) })),
  }),
  status: optional(
    z.object({
      loadBalancer: optional(
        z.object({ ingress: optional(z.array(z.object({ ip: optional(z.string()), ipMode: optional(z.string()) }))) }),
      ),
    }),
  ),
});
export type ServiceManifest = z.output<typeof serviceManifest>;

/** A port without a number means "all ports"; a proxy for VIP:PORT has no use for it. */
const endpointPorts = optional(z.array(z.object({ name: optional(z.string()), port: optional(port), protocol })));
export type EndpointPorts = z.output<typeof endpointPorts>;

const condition = optional(z.boolean());
const hintNames = optional(z.array(z.object({ name: z.string() })));

/** discovery.k8s.io/v1 `EndpointSlice` */
export const sliceManifest = z.object({
  metadata: metadataSchema,
  addressType: z.enum(['IPv4', 'IPv6', 'FQDN']),
  ports: endpointPorts,
  endpoints: optional(
    z.array(
      z.object({
        addresses: z.array(z.string()).min(1),
        conditions: optional(z.object({ ready: condition, serving: condition, terminating: condition })),
        nodeName: optional(z.string()),
        zone: optional(z.string()),
        hints: optional(z.object({ forNodes: hintNames, forZones: hintNames })),
      }),
    ),
  ),
});
export type SliceManifest = z.output<typeof sliceManifest>;

const endpointAddresses = optional(z.array(z.object({ ip: unicast, nodeName: optional(z.string()) })));

/** core/v1 `Endpoints`, which Kubernetes had alone before 1.21 */
export const endpointsManifest = z.object({
  metadata: metadataSchema,
  subsets: optional(
    z.array(z.object({ addresses: endpointAddresses, notReadyAddresses: endpointAddresses, ports: endpointPorts })),
  ),
});
export type EndpointsManifest = z.output<typeof endpointsManifest>;

const containerPorts = optional(z.array(z.object({ name: optional(z.string()), containerPort: port, protocol })));

/** core/v1 `Pod` */
export const podManifest = z.object({
  metadata: metadataSchema.extend({ deletionTimestamp: optional(z.string()) }),
  spec: optional(
    z.object({
      nodeName: optional(z.string()),
      containers: optional(z.array(z.object({ ports: containerPorts }))),
      initContainers: optional(z.array(z.object({ ports: containerPorts, restartPolicy: optional(z.string()) }))),
    }),
  ),
  status: optional(
    z.object({
      phase: optional(z.string()),
      podIP: optional(z.string()),
      podIPs: optional(z.array(z.object({ ip: optional(z.string()) }))),
      conditions: optional(z.array(z.object({ type: z.string(), status: z.string() }))),
    }),
  ),
});
export type PodManifest = z.output<typeof podManifest>;
