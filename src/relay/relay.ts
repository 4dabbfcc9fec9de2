import type { Ip } from '../model/address.ts';
import type { Protocol } from '../model/keys.ts';
import type { ConnectFailure, DropReason, EndReason, Party, RejectReason } from '../model/reason.ts';
import type { ServiceSettings } from '../model/settings.ts';
import type { Frontend } from '../model/snapshot.ts';
import type { Target } from '../model/target.ts';

/** One client connection (TCP) or one client session (UDP), as policy sees it. */
export interface Flow {
  readonly protocol: Protocol;
  /** Who the client is. Asking costs a system call the first time; after the end it is known only if `namesClients`. */
  readonly clientAddress: string;
  readonly clientPort: number;
  /** The targets whose connect failed for this flow. The router writes it, nobody else; `undefined`: none. */
  tried: Target[] | undefined;
  /** The frontend as it was when the flow came in. The router writes it, nobody else. */
  frontend: Frontend | undefined;
  /** The target that the flow is given to and counts for. The router writes it, nobody else. */
  lease: Target | undefined;
}

export type Route =
  | { readonly kind: 'forward'; readonly target: Target }
  | { readonly kind: 'reject'; readonly reason: RejectReason };

/** How a flow ended. */
export interface Ending {
  readonly reason: EndReason;
  readonly by: Party;
  /** The target that the flow was connected to, or `undefined` if none was reached. */
  readonly target: Target | undefined;
  readonly bytesFromClient: number;
  readonly bytesFromEndpoint: number;
  readonly durationMs: number;
  /** From the accepted connection to the endpoint's answer, all tries together; `undefined` if none was reached. */
  readonly connectMs: number | undefined;
  /** The last failure of the tries, where there was one. */
  readonly lastFailure: ConnectFailure | undefined;
  /** The system's name of the error behind it (`EHOSTUNREACH`, errno(3)); absent: there was none, only our own timeout. */
  readonly lastFailureCode?: string | undefined;
  /** The same, of the error of a socket that ended the flow (`ETIMEDOUT`); absent: none did. */
  readonly errorCode?: string | undefined;
  /** What the kernel knew of a TCP connection at its end; absent: it was not asked (`Router.namesClients`), or cannot be. */
  readonly measures?: TcpMeasures | undefined;
}

/** TCP_INFO, tcp(7). */
export interface TcpMeasures {
  /** The smoothed round trip to the client, in milliseconds. */
  readonly rttMs: number;
  /** Segments that were sent again, to either side. */
  readonly retransmits: number;
}

/**
 * The only conversation between bytes and policy: synchronous, the same for every engine and for both protocols. An
 * engine calls `route` once for each new flow, then:
 *
 * ```
 *   route ──► forward ──► connected ──────────────┐
 *     │          │ ▲                               ▼
 *     │          ▼ │ forward                    closed
 *     │     connectFailed ──► reject ──────────►   ▲
 *     └──► reject ─────────────────────────────────┘
 * ```
 *
 * TCP: `closed` is called exactly once for every flow that `route` was called for. UDP: a rejected datagram makes no
 * flow; the engine calls `dropped` instead of `closed`. A UDP session whose endpoint turns out to be unreachable after
 * `connected` is closed, and the client's next datagram makes a new flow.
 */
export interface Router {
  /** The settings for the next new flow. They change while the listener stays. */
  readonly settings: ServiceSettings;
  /** Whether somebody will look at who the client of the next new flow was, and at its `Ending.measures`. */
  readonly namesClients: boolean;
  route(flow: Flow): Route;
  /** `code`: see `Ending.lastFailureCode`. */
  connectFailed(flow: Flow, target: Target, failure: ConnectFailure, code?: string): Route;
  connected(flow: Flow, target: Target, connectMs: number): void;
  closed(flow: Flow, ending: Ending): void;
  /**
   * A flow that ends before `route` was called: there is no room for it, or its PROXY header did not come. `closed`
   * follows.
   */
  refused(flow: Flow, reason: EndReason): void;
  /** One datagram of a client was not passed on. */
  dropped(reason: DropReason): void;
  /** accept(2) failed with this code (`EMFILE`, …); the client that waited may be lost. */
  acceptFailed(code: string): void;
}

export interface ListenSpec {
  readonly protocol: Protocol;
  readonly address: Ip;
  readonly port: number;
  /** IP_FREEBIND, ip(7): the address need not be on this host. The engine `net` cannot, and rejects as if it were not said. */
  readonly freeBind?: boolean;
  /** IP_TRANSPARENT: connections to any address that the kernel brings here (TPROXY). TCP on the native engine. */
  readonly transparent?: boolean;
}

/** One flow as a person sees it. */
export interface FlowView {
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly target: Target | undefined;
  /** Since the flow began, and since its last byte. */
  readonly ageMs: number;
  readonly idleMs: number;
  readonly bytesFromClient: number;
  readonly bytesFromEndpoint: number;
}

/** One bound VIP:PORT and the flows that came through it. */
export interface Listener {
  /** Closes the listening socket. Established flows live on; UDP sessions end, as they have no other socket. */
  stop(): Promise<void>;
  /**
   * Ends the flows for which `which` says yes, with a reset where the protocol has one. A flow that has no target yet
   * is asked about with `undefined`.
   */
  cut(which: (target: Target | undefined) => boolean, reason: EndReason): void;
  /** How many flows there are now. */
  readonly size: number;
  flows(): Iterable<FlowView>;
}

/** Moves bytes for listeners. `net` is node:net and node:dgram, `native` an addon below JavaScript. */
export interface RelayEngine {
  readonly name: string;
  /** Descriptors that it may open later beside those of listeners and flows. */
  readonly reservedDescriptors: number;
  /**
   * Binds exactly `address:port`, never the wildcard. Rejects with the system error (`EADDRINUSE`, `EADDRNOTAVAIL`,
   * `EACCES`, …) if that cannot be.
   */
  listen(spec: ListenSpec, router: Router): Promise<Listener>;
  /** Brings the counters of all targets (`TargetStats`) up to date: call it before they are read. */
  settle(): void;
  /** Ends what is left. Its listeners must not be used any more. */
  close(): Promise<void>;
}
