import type { Ip, IpFamily } from './address.ts';
import type { Protocol, ServiceKey } from './keys.ts';
import type { SettingsOverride } from './settings.ts';

/** What a user declares: a name, VIPs, ports and a policy. Kubernetes `Service`, as far as a proxy cares. */
export interface Service {
  readonly key: ServiceKey;
  readonly namespace: string;
  readonly name: string;
  /** `spec.clusterIPs`; empty for a headless service, which is not proxied. */
  readonly vips: readonly Ip[];
  readonly ports: readonly ServicePortSpec[];
  /** `spec.sessionAffinityConfig.clientIP.timeoutSeconds`, in milliseconds; absent: `sessionAffinity: None`. */
  readonly affinityTimeoutMs?: number;
  readonly settings: SettingsOverride;
  /** A VIP that has no endpoint of its own family may use the other family's. Kubernetes: never; inline services: yes. */
  readonly crossFamily: boolean;
}

export interface ServicePortSpec {
  /** Empty for the only port of a service. It is what ties the port to the ports of the endpoint slices. */
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
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
}
