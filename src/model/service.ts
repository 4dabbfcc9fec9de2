import type { Ip, IpFamily } from './address.ts';
import type { Protocol, ServiceKey } from './keys.ts';
import type { SettingsOverride } from './settings.ts';

/** What a user declares: a name, VIPs, ports and a policy. Kubernetes `Service`, as far as a proxy cares. */
export interface Service {
  readonly key: ServiceKey;
  readonly namespace: string;
  readonly name: string;
  /**
   * `spec.clusterIPs`; empty for a service that is not proxied. They say which IP families the service has:
   * addresses of another one, of whatever kind, are not served (kube-proxy's `GetClusterIPByFamily`).
   */
  readonly vips: readonly Ip[];
  /** Why it has no VIPs: it is only shown, and nothing of it is listened on. Absent: it has some. */
  readonly notProxied?: NotProxied;
  /** `spec.externalIPs`; absent: none. */
  readonly externalIps?: readonly Ip[];
  /** Each `status.loadBalancer.ingress[].ip`, but for those whose `ipMode` is `Proxy`; absent: none. */
  readonly loadBalancerIps?: readonly Ip[];
  /** `spec.loadBalancerSourceRanges`, as `parseCidr` gives them: who may use `loadBalancerIps`. Absent: everybody. */
  readonly loadBalancerSourceRanges?: readonly string[];
  /** `spec.internalTrafficPolicy`: for `vips`. Absent: `Cluster`. */
  readonly internalTrafficPolicy?: TrafficPolicy;
  /** `spec.externalTrafficPolicy`: for node ports, `externalIps` and `loadBalancerIps`. Absent: `Cluster`. */
  readonly externalTrafficPolicy?: TrafficPolicy;
  /** `spec.healthCheckNodePort`, of a `LoadBalancer` with `externalTrafficPolicy: Local`; absent: none. */
  readonly healthCheckNodePort?: number;
  readonly ports: readonly ServicePortSpec[];
  /** `spec.sessionAffinityConfig.clientIP.timeoutSeconds`, in milliseconds; absent: `sessionAffinity: None`. */
  readonly affinityTimeoutMs?: number;
  readonly settings: SettingsOverride;
  /** A VIP that has no endpoint of its own family may use the other family's. Kubernetes: never; inline services: yes. */
  readonly crossFamily: boolean;
  /** For people only. Absent: the feed knows nothing more than stands above. */
  readonly meta?: ServiceMeta;
}

/**
 * What people want to see of a Service, and no flow depends on: Kubernetes `metadata` and `spec` in their own words.
 * What the object does not say is absent.
 */
export interface ServiceMeta {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly selector?: Readonly<Record<string, string>>;
  readonly type?: string;
  readonly externalName?: string;
  readonly ipFamilyPolicy?: string;
  /** `metadata.creationTimestamp`, RFC 3339. */
  readonly createdAt?: string;
  /** `targetPort` of `spec.ports`, a number or a name, by `PORTNAME/PROTOCOL`. */
  readonly targetPorts?: Readonly<Record<string, string>>;
}

const notProxiedReasons = [
  /** `clusterIP: None`: its clients ask DNS for the endpoints. */
  'headless',
  /** `type: ExternalName`: a name in DNS for another name. */
  'external-name',
  /** No `clusterIP`: nobody has given it one. */
  'no-cluster-ip',
] as const;
export type NotProxied = (typeof notProxiedReasons)[number];

/** `Local`: only endpoints on this node. */
export type TrafficPolicy = 'Cluster' | 'Local';

export interface ServicePortSpec {
  /** Empty for the only port of a service. It is what ties the port to the ports of the endpoint slices. */
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** `spec.ports[].nodePort`: where it is served on the node's own addresses; absent: nowhere. */
  readonly nodePort?: number;
}

/** A part of the endpoints of one service. Kubernetes `EndpointSlice`; `Endpoints` subsets are brought to this form. */
export interface EndpointSlice {
  /** `namespace/name` of the object it came from; unique in its feed. */
  readonly name: string;
  readonly service: ServiceKey;
  readonly family: IpFamily;
  readonly ports: readonly SlicePort[];
  readonly endpoints: readonly SliceEndpoint[];
}

export interface SlicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
}

/** Conditions have their Kubernetes defaults filled in: ready and serving if not said, terminating only if said. */
export interface SliceEndpoint {
  readonly address: Ip;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** Its share of new flows, relative to the others'; 0: none. Kubernetes has none: 1. */
  readonly weight: number;
  readonly nodeName?: string;
  readonly zone?: string;
  /** `hints`: the nodes and zones that should use it (`trafficDistribution`); absent: it has none. */
  readonly forNodes?: readonly string[];
  readonly forZones?: readonly string[];
}
