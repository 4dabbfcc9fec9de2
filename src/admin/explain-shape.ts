/**
 * `GET /explain?client=IP&frontend=IP:PORT[/PROTOCOL]`: what would become of a new flow now, and why. Asking changes
 * nothing. Without a protocol the frontend of that address is meant, TCP before UDP.
 */
export interface ExplainResponse {
  readonly client: string;
  /** As it was asked for, in its canonical form. */
  readonly frontend: string;
  /** Absent: there is no such frontend. */
  readonly found?: ExplainedFrontend;
  /** Why there is one that is listened on nowhere. */
  readonly unplaced?: string;
  /** Where there is none: those that may have been meant, the likeliest first. */
  readonly nearest?: readonly NearFrontend[];
  readonly outcome: ExplainOutcome;
}

export interface NearFrontend {
  /** `ip:port/PROTOCOL` */
  readonly frontend: string;
  /** `namespace/name` or `namespace/name:port` */
  readonly service: string;
}

export type ExplainOutcome =
  /** `endpoint`: `ip:port` */
  | { readonly kind: 'forward'; readonly endpoint: string; readonly by: 'affinity' | 'policy' }
  /** One of these, drawn when the flow comes. */
  | { readonly kind: 'chance'; readonly among: readonly string[] }
  /** `reason`: `no-frontend`, `not-listening`, `vips-not-redirected`, `not-inside`, or why sluice would reject it. */
  | { readonly kind: 'reject'; readonly reason: string };

/** The steps of the decision, in their order. */
export interface ExplainedFrontend {
  /** `ip:port/PROTOCOL` */
  readonly frontend: string;
  readonly namespace: string;
  readonly service: string;
  /** The port's name; empty for a service's only port. */
  readonly port: string;
  readonly kind: 'cluster' | 'external' | 'load-balancer' | 'node-port';
  readonly state: 'listening' | 'binding' | 'failed';
  /** What the operator can do about it, if `failed`. */
  readonly message?: string;
  /** `loadBalancerSourceRanges`; absent: every client is served. */
  readonly sources?: readonly string[];
  /** The client is outside `sources`, or a limit is reached: the flow is not balanced. */
  readonly refusal?: string;
  /** Flows that it has now, and how many it may have; absent: no limit. */
  readonly active: number;
  readonly maxFlows?: number;
  /** Whose endpoints count: the whole cluster's, or only this node's (a traffic policy `Local`). */
  readonly scope: 'cluster' | 'local';
  readonly endpoints: readonly ExplainedEndpoint[];
  readonly affinity: ExplainedEntry;
  readonly policy: string;
  /** `ip:port` of who gets the next flows that affinity does not decide; absent: chance decides. */
  readonly turn?: readonly string[];
}

export interface ExplainedEndpoint {
  /** `ip:port` */
  readonly endpoint: string;
  readonly weight: number;
  readonly nodeName?: string;
  readonly zone?: string;
  /** Flows now. */
  readonly active: number;
  /** How many tries to reach it have failed since it is there. */
  readonly failedTries: number;
  /** Why it gets no new flows; absent: it gets some. */
  readonly leftOut?: string;
}

export type ExplainedEntry =
  /** The service has no session affinity. */
  | { readonly kind: 'off' }
  /** The client has no entry. */
  | { readonly kind: 'none'; readonly timeoutSeconds: number }
  /** `kept`: it has. `left-out`: it has, and that endpoint gets no new flows. */
  | {
      readonly kind: 'kept' | 'left-out';
      readonly timeoutSeconds: number;
      readonly remainingSeconds: number;
      readonly endpoint: string;
    };
