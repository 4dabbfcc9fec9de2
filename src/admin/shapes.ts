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
  | 'draining';

/** `GET /readyz`: 200 with `ready` or `degraded`, 503 with `unready`. */
export interface ReadyResponse {
  /** `degraded`: it serves, and something below wants a look. */
  readonly status: 'ready' | 'degraded' | 'unready';
  /** Empty unless `status` is `unready`. */
  readonly reasons: readonly UnreadyReason[];
  readonly feeds: readonly ReadyFeed[];
  readonly frontends: ReadyFrontends;
}

export interface ReadyFeed {
  readonly name: string;
  readonly synced: boolean;
  /** What is wrong in its source now; the last good state serves meanwhile. */
  readonly problems: readonly Problem[];
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
  readonly error: 'not-found' | 'method-not-allowed' | 'internal';
}
