import type { Problem } from '../base/errors.ts';

/*
 * The JSON that the admin server answers. It is an API: fields are added, never renamed or taken away.
 */

/** `GET /healthz`, `GET /livez`: 200 with `ok`, 503 with `stuck`. */
export interface HealthResponse {
  /** `stuck`: an update of the services has waited too long to be applied. A restart is in order. */
  readonly status: 'ok' | 'stuck';
  /** How long the oldest update has waited to be applied, in milliseconds; 0: none waits. */
  readonly updateWaitingMs: number;
}

/** Why sluice should not be sent traffic yet, or any more. */
export type UnreadyReason =
  /** A feed has not had its first complete sync. */
  | 'feed-not-synced'
  /** No snapshot has been applied yet. */
  | 'nothing-published'
  /** A frontend is being bound for the first time. */
  | 'frontend-binding'
  /** There are frontends, and not one of them could be bound. */
  | 'no-frontend-listening'
  /** `vip.mode: redirect`, and nftables leads no VIP to the relay. */
  | 'vips-not-redirected'
  | 'draining';

/** `GET /readyz`: 200 with `ready` or `degraded`, 503 with `unready`. */
export interface ReadyResponse {
  /** `degraded`: it serves, and something below wants a look. */
  readonly status: 'ready' | 'degraded' | 'unready';
  /** Empty unless `status` is `unready`. */
  readonly reasons: readonly UnreadyReason[];
  readonly feeds: readonly ReadyFeed[];
  readonly frontends: ReadyFrontends;
  readonly vips: ReadyVips;
}

export interface ReadyVips {
  /** What is in the way of VIPs on this host now (`vip.mode`), and what to do about it. It is tried again. */
  readonly problems: readonly Problem[];
}

export interface ReadyFeed {
  readonly name: string;
  readonly synced: boolean;
  /** What is wrong in its source now; the last good state serves meanwhile. */
  readonly problems: readonly Problem[];
  /** How long nothing was heard of its source; absent: a source that does not go away. */
  readonly staleSeconds?: number;
}

export interface ReadyFrontends {
  readonly listening: number;
  readonly binding: number;
  readonly failed: readonly FailedFrontend[];
}

/** A frontend that cannot be bound. It is tried again. */
export interface FailedFrontend {
  /** `ip:port` */
  readonly vip: string;
  readonly protocol: 'TCP' | 'UDP';
  /** `namespace/name` */
  readonly service: string;
  /** The system error's: `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`. */
  readonly code: string;
  readonly message: string;
}

/** `GET /services` */
export interface ServicesResponse {
  /** The version of the snapshot in use; 0: none yet. */
  readonly version: number;
  readonly servicePorts: readonly ServicePortEntry[];
}

/** One port of one service for one IP family. */
export interface ServicePortEntry {
  readonly namespace: string;
  readonly service: string;
  /** The port's name; empty for a service's only port. */
  readonly port: string;
  readonly protocol: 'TCP' | 'UDP';
  readonly family: 'IPv4' | 'IPv6';
  readonly policy: string;
  /** Absent: no session affinity. */
  readonly affinityTimeoutSeconds?: number;
  readonly affinityEntries: number;
  readonly frontends: readonly FrontendEntry[];
  /** What all endpoints together have carried, those that are gone included. */
  readonly totals: Counts;
  readonly endpoints: readonly EndpointEntry[];
}

export interface FrontendEntry {
  /** `ip:port` */
  readonly vip: string;
  readonly state: 'listening' | 'binding' | 'failed';
  /** The system error's code, if `failed`. */
  readonly code?: string;
}

export interface EndpointEntry extends Counts {
  /** `ip:port` */
  readonly endpoint: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly weight: number;
  readonly nodeName?: string;
  readonly zone?: string;
  /** It gets new flows now. */
  readonly eligible: boolean;
  /** False: it has left the service, and has flows that go on. */
  readonly present: boolean;
}

export interface Counts {
  /** Flows now, those that are still connecting included. */
  readonly active: number;
  /** Flows that reached an endpoint, ever. */
  readonly opened: number;
  /** Those that have ended. */
  readonly closed: number;
  /** Payload, in bytes. */
  readonly bytesToEndpoint: number;
  readonly bytesFromEndpoint: number;
  readonly datagramsToEndpoint: number;
  readonly datagramsFromEndpoint: number;
}

/** Every answer that is not 200, but for the ones above. */
export interface ErrorResponse {
  /** `starting` (503): no snapshot is applied yet; ask again. */
  readonly error: 'not-found' | 'method-not-allowed' | 'bad-request' | 'starting' | 'internal';
  /** What to do about a `bad-request`. */
  readonly message?: string;
}

export type Labels = Readonly<Record<string, string>>;

/**
 * `GET /get/services`, `/get/endpoints`, `/get/frontends`, `/get/sessions`. Query parameters, all optional: `namespace`;
 * `name` (of a service; of a frontend `ip:port`, of a session the client's address or `ip:port`, both also with
 * `/PROTOCOL`), several times for several;
 * `labelSelector` (of the service that the item belongs to). Items are in the order of namespace and service.
 */
export interface ListResponse<Item> {
  readonly apiVersion: 'v1';
  readonly kind: 'List';
  readonly items: readonly Item[];
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly labels?: Labels;
  readonly annotations?: Labels;
  /** RFC 3339. Where the object's source says nothing: when sluice first saw it. */
  readonly creationTimestamp: string;
}

/** Kubernetes v1 `Service`, as far as sluice knows it: it can be applied and read again. */
export interface ServiceObject {
  readonly apiVersion: 'v1';
  readonly kind: 'Service';
  readonly metadata: ObjectMeta;
  readonly spec: ServiceSpec;
  readonly status: { readonly loadBalancer: { readonly ingress?: readonly { readonly ip: string }[] } };
}

export interface ServiceSpec {
  readonly type: string;
  /** Absent for `ExternalName`, and where nobody has given it one. */
  readonly clusterIP?: string;
  readonly clusterIPs?: readonly string[];
  readonly externalName?: string;
  readonly externalIPs?: readonly string[];
  readonly ports: readonly ServicePortObject[];
  readonly selector?: Labels;
  readonly sessionAffinity: 'None' | 'ClientIP';
  readonly sessionAffinityConfig?: { readonly clientIP: { readonly timeoutSeconds: number } };
  /** Absent: it is not proxied, and they are not known. */
  readonly ipFamilies?: readonly ('IPv4' | 'IPv6')[];
  readonly ipFamilyPolicy?: string;
  readonly internalTrafficPolicy?: 'Cluster' | 'Local';
  readonly externalTrafficPolicy?: 'Cluster' | 'Local';
  readonly loadBalancerSourceRanges?: readonly string[];
  readonly healthCheckNodePort?: number;
}

export interface ServicePortObject {
  readonly name?: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
  readonly targetPort?: number | string;
  readonly nodePort?: number;
}

/** Kubernetes v1 `Endpoints`: the endpoints that a service has now, whatever made them. */
export interface EndpointsObject {
  readonly apiVersion: 'v1';
  readonly kind: 'Endpoints';
  readonly metadata: ObjectMeta;
  readonly subsets: readonly EndpointSubset[];
}

export interface EndpointSubset {
  readonly addresses?: readonly EndpointAddress[];
  readonly notReadyAddresses?: readonly EndpointAddress[];
  readonly ports: readonly { readonly name?: string; readonly port: number; readonly protocol: 'TCP' | 'UDP' }[];
}

export interface EndpointAddress {
  readonly ip: string;
  readonly nodeName?: string;
}

/** One VIP:PORT that is listened on. */
export interface FrontendItem {
  readonly kind: 'Frontend';
  readonly namespace: string;
  readonly service: string;
  /** The port's name; empty for a service's only port. */
  readonly port: string;
  /** `ip:port` */
  readonly vip: string;
  readonly protocol: 'TCP' | 'UDP';
  readonly state: 'listening' | 'binding' | 'failed';
  /** What the operator can do about it, if `failed`. */
  readonly message?: string;
  /** Flows now. */
  readonly active: number;
  readonly policy: string;
  /** How many endpoints there are, and how many of them get new flows. */
  readonly endpoints: number;
  readonly eligible: number;
}

/** One connection (TCP) or session (UDP) that goes on. */
export interface SessionItem {
  readonly kind: 'Session';
  readonly namespace: string;
  readonly service: string;
  /** The port's name; empty for a service's only port. */
  readonly port: string;
  /** `ip:port` */
  readonly client: string;
  /** `ip:port` */
  readonly frontend: string;
  readonly protocol: 'TCP' | 'UDP';
  /** `ip:port`; absent: none is chosen yet. */
  readonly endpoint?: string;
  readonly ageMs: number;
  /** Since its last byte. */
  readonly idleMs: number;
  readonly bytesFromClient: number;
  readonly bytesFromEndpoint: number;
}

/** `GET /describe?namespace=NAMESPACE&name=NAME`: one service with all that is known of it; 404 if there is none. */
export interface DescribeResponse {
  readonly service: ServiceObject;
  /** Why nothing of it is listened on; absent: it is proxied. */
  readonly notProxied?: 'headless' | 'external-name' | 'no-cluster-ip';
  readonly ports: readonly DescribedPort[];
}

/** One port of the service, for all of its IP families. */
export interface DescribedPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
  readonly policy: string;
  readonly frontends: readonly FrontendEntry[];
  /** `ip:port` of those that get new flows. */
  readonly endpoints: readonly string[];
  readonly leftOut: readonly LeftOutEntry[];
}

/** An endpoint that gets no new flows. */
export interface LeftOutEntry {
  /** `ip:port` */
  readonly endpoint: string;
  readonly reason: string;
}
