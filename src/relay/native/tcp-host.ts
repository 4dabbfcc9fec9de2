import type { Clock } from '../../base/clock.ts';
import type { Deadlines, Late } from '../deadlines.ts';
import type { DescriptorBudget } from '../descriptors.ts';
import type { ListenSpec, Router } from '../relay.ts';
import type { Addon, Instance } from './addon.ts';
import type { Cells } from './cells.ts';
import type { Ledger } from './ledger.ts';

/** What all TCP listeners of an engine have in common. */
export interface TcpShared<TcpFlow extends Late<TcpFlow>> {
  readonly addon: Addon;
  readonly instance: Instance;
  /** Of the flow in that slot. */
  readonly cells: (slot: number) => Cells;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly descriptors: DescriptorBudget;
  readonly dialing: Deadlines<TcpFlow>;
  /** See `NativeEngineInit`. */
  readonly backlog: number;
  readonly mark: number;
}

/** What a flow needs of the listener that it came in through. */
export interface TcpFlowHost<TcpFlow extends Late<TcpFlow>> {
  readonly router: Router;
  readonly shared: TcpShared<TcpFlow>;
  /** Where the client has connected to, if its frontend is not known. */
  readonly local: ListenSpec;
  readonly isV6: boolean;
  /** Called once, when both sockets are closed. */
  flowClosed(flow: TcpFlow): void;
}
