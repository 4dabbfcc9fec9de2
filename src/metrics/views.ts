import type { Problem } from '../base/errors.ts';
import type { EndpointKey } from '../model/keys.ts';
import type { Frontend, ServicePort } from '../model/snapshot.ts';
import type { Target, TargetStats } from '../model/target.ts';

/*
 * What metrics and the admin server look at, in the smallest form that serves them. They look only when somebody asks:
 * nothing here is called while traffic flows.
 */

/** One service port as it works now. */
export interface ServicePortView {
  readonly servicePort: ServicePort;
  /** Every endpoint that is known, and those that have left and still carry flows. */
  readonly targets: ReadonlyMap<EndpointKey, Target>;
  /** The sum of what targets that are no longer among `targets` have carried: totals never go down. */
  readonly retired: TargetStats;
  readonly affinityEntries: number;
}

/** One VIP:PORT as it is bound now. */
export interface FrontendView {
  readonly frontend: Frontend;
  readonly state: FrontendState;
}

export type FrontendState =
  | { readonly kind: 'listening' }
  /** The first try to bind is under way. */
  | { readonly kind: 'binding' }
  /** It could not be bound and is tried again; `code` is the system error's (`EADDRINUSE`). */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

export interface FeedView {
  /** The feed's word, unique in the process. */
  readonly name: string;
  /** Its first sync is complete. */
  readonly synced: boolean;
  /** The newest list; empty: all is well. */
  readonly problems: readonly Problem[];
  /** How long nothing was heard of its source; absent: a source that does not go away. */
  readonly staleSeconds?: number;
}

/** How VIPs land on this host (`vip.mode`). */
export interface VipsView {
  /** What is in their way now; empty: nothing is. */
  readonly problems: readonly Problem[];
  /** nftables has to lead VIPs to the relay, and leads none: whatever listens hears of nobody. */
  readonly cutOff: boolean;
}

/** The current state of everything, asked for anew each time. */
export interface LiveViews {
  servicePorts(): Iterable<ServicePortView>;
  frontends(): Iterable<FrontendView>;
  feeds(): Iterable<FeedView>;
  vips(): VipsView;
  /** The version of the snapshot that is applied; 0: none yet. */
  snapshotVersion(): number;
  /** The most flows that the process takes at once. `Infinity`: no limit. */
  flowsLimit(): number;
  /** Log lines that were given up, ever. */
  logLinesDropped(): number;
}
