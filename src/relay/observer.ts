import type { ConnectFailure, DropReason } from '../model/reason.ts';
import type { Frontend } from '../model/snapshot.ts';
import type { Target } from '../model/target.ts';
import type { Ending, Flow } from './relay.ts';

/**
 * What happened, told as it happens. Metrics and the access log listen; the rooms below know only this. Every method is
 * synchronous, must not throw and must be quick.
 */
export interface Observer {
  /** Whether `flowClosed` looks at who the client was: finding that out is not free. */
  readonly namesClients: boolean;
  /** A new flow came in; each is followed by exactly one `flowClosed`. */
  flowOpened(frontend: Frontend): void;
  /** `connectMs` is the time since the flow came in, all tries together. */
  flowConnected(frontend: Frontend, target: Target, connectMs: number): void;
  /** `retried`: another endpoint is tried now. `code`: see `Ending.lastFailureCode`. */
  connectFailed(frontend: Frontend, target: Target, failure: ConnectFailure, retried: boolean, code?: string): void;
  flowClosed(frontend: Frontend, flow: Flow, ending: Ending): void;
  datagramDropped(frontend: Frontend, reason: DropReason): void;
  /** accept(2) failed with this code (`EMFILE`, …). May come in storms. */
  acceptFailed(frontend: Frontend, code: string): void;
}
