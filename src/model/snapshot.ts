import type { Ip, IpFamily } from './address.ts';
import type { AddressSet } from './address-set.ts';
import type { EndpointKey, FrontendKey, Protocol, ServiceKey, ServicePortKey } from './keys.ts';
import type { NodePlace } from './node.ts';
import type { Service, SliceEndpoint } from './service.ts';
import type { ServiceSettings } from './settings.ts';

/** One pod address:port behind a service port. */
export interface Endpoint extends SliceEndpoint {
  readonly key: EndpointKey;
  readonly port: number;
}

/** One port of one service for one IP family, with everything that decides who gets its flows. */
export interface ServicePort {
  readonly key: ServicePortKey;
  readonly service: ServiceKey;
  readonly namespace: string;
  readonly name: string;
  readonly portName: string;
  readonly protocol: Protocol;
  readonly family: IpFamily;
  readonly affinityTimeoutMs?: number;
  readonly settings: ServiceSettings;
  /** All that are known, in the order of their slices, without doubles. */
  readonly endpoints: readonly Endpoint[];
  /** Those among `endpoints` that get new flows now, of whatever traffic. */
  readonly eligible: readonly Endpoint[];
  /** Those among `eligible` for traffic of scope `cluster`; absent: all of them. */
  readonly cluster?: readonly Endpoint[];
  /** Those among `eligible` for traffic of scope `local`; absent: no frontend has that scope. */
  readonly local?: readonly Endpoint[];
  /** From where `local` and hints are judged; absent: it is not known. */
  readonly place?: NodePlace;
}

/** Which endpoints a flow may get: those of the whole cluster, or those on this node (traffic policy `Local`). */
export type Scope = 'cluster' | 'local';

/** What kind of address a frontend is, in the order in which they win where one service has one address twice. */
export type FrontendKind = 'cluster' | 'external' | 'load-balancer' | 'node-port';

/** One VIP:PORT/protocol that must be listened on. */
export interface Frontend {
  readonly key: FrontendKey;
  readonly protocol: Protocol;
  readonly address: Ip;
  readonly port: number;
  readonly servicePort: ServicePort;
  readonly kind: FrontendKind;
  readonly scope: Scope;
  /** Clients that get scope `cluster` where the frontend's is `local`: this node and its pods (`externalTrafficPolicy`). */
  readonly nearby?: AddressSet;
  /** The only clients that are served (`loadBalancerSourceRanges`); absent: all are. */
  readonly sources?: AddressSet;
}

/** What `healthCheckNodePort` of one service answers. */
export interface HealthCheck {
  readonly service: ServiceKey;
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  /** How many ready endpoints the service has on this node, counted by their address. */
  readonly localEndpoints: number;
}

/**
 * The immutable whole. It is replaced, never changed; what is equal in two snapshots is the same object (`===`), so
 * that a reader finds a change without comparing fields.
 */
export interface Snapshot {
  /** Counts up by one with each published snapshot. */
  readonly version: number;
  readonly frontends: ReadonlyMap<FrontendKey, Frontend>;
  readonly servicePorts: ReadonlyMap<ServicePortKey, ServicePort>;
  /** All that are declared, as they were; those with `notProxied` have no `servicePorts` and no `frontends`. */
  readonly services: ReadonlyMap<ServiceKey, Service>;
  readonly healthChecks: ReadonlyMap<ServiceKey, HealthCheck>;
  /** The node's own addresses on which node ports and health checks are served. */
  readonly nodePortAddresses: readonly Ip[];
}

export const emptySnapshot: Snapshot = {
  version: 0,
  frontends: new Map(),
  servicePorts: new Map(),
  services: new Map(),
  healthChecks: new Map(),
  nodePortAddresses: [],
};
