import type { Ip, IpFamily } from './address.ts';
import type { EndpointKey, FrontendKey, Protocol, ServiceKey, ServicePortKey } from './keys.ts';
import type { SliceEndpoint } from './service.ts';
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
  /** Those among `endpoints` that get new flows now. */
  readonly eligible: readonly Endpoint[];
}

/** One VIP:PORT/protocol that must be listened on. */
export interface Frontend {
  readonly key: FrontendKey;
  readonly protocol: Protocol;
  readonly address: Ip;
  readonly port: number;
  readonly servicePort: ServicePort;
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
}

export const emptySnapshot: Snapshot = { version: 0, frontends: new Map(), servicePorts: new Map() };
