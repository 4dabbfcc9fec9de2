import type { Clock } from '../../base/clock.ts';
import type { AddressPort } from '../../model/address.ts';
import type { ConnectFailure, EndReason, Party } from '../../model/reason.ts';
import { connectFailureOf, isReset } from '../../model/reason.ts';
import type { TcpSettings } from '../../model/settings.ts';
import type { Frontend } from '../../model/snapshot.ts';
import type { Target } from '../../model/target.ts';
import type { Deadlines, Late } from '../deadlines.ts';
import type { Linked } from '../linked-list.ts';
import { proxyHeaderOf } from '../proxy-protocol/encode.ts';
import { ProxyHeaderReader } from '../proxy-protocol/reader.ts';
import { isTrusted } from '../proxy-protocol/trusted.ts';
import type { Ending, Flow, FlowView, Route, Router } from '../relay.ts';
import { passedTimeout } from '../silence.ts';
import type { BufferPool } from './buffers.ts';
import { isConnectedToItself } from './self-connect.ts';
import type { Remote, Side, SideInit, SideOwner, Sockets } from './side.ts';

export interface TcpFlowInit {
  readonly router: Router;
  readonly clock: Clock;
  readonly sockets: Sockets;
  readonly pool: BufferPool;
  readonly dialing: Deadlines<TcpFlow>;
  /** Where the client has connected to, if its frontend is not known. */
  readonly local: AddressPort;
  /** Called once, when both sockets are closed. */
  readonly onClosed: (flow: TcpFlow) => void;
}

/**
 * One client connection: dial, then relay both ways, then end.
 *
 * ```
 *   waiting ──► (header) ──► dialing ──► relaying ──► ended
 *      │           │           │ ▲ (next endpoint)      ▲
 *      └───────────┴───────────┴─┴──────────────────────┘
 * ```
 *
 * Until an endpoint has answered nothing is read from the client but its PROXY header, if it is a trusted proxy: early
 * bytes wait in the kernel, and no endpoint that fails has ever seen one of them.
 */
export class TcpFlow implements Flow, SideOwner, Linked<TcpFlow>, Late<TcpFlow> {
  readonly protocol = 'TCP';
  #remote: Remote | undefined;
  tried: Target[] | undefined;
  frontend: Frontend | undefined;
  lease: Target | undefined;
  /** It is one of its listener's flows and has its descriptors. The listener writes it. */
  admitted = false;
  older: TcpFlow | undefined;
  newer: TcpFlow | undefined;
  deadlineAt: number | undefined;
  before: TcpFlow | undefined;
  after: TcpFlow | undefined;
  readonly #init: TcpFlowInit;
  readonly #settings: TcpSettings;
  readonly #startedAt: number;
  readonly #client: Side;
  #upstream: Side | undefined;
  #target: Target | undefined;
  #connectMs: number | undefined;
  #lastFailure: ConnectFailure | undefined;
  #lastFailureCode: string | undefined;
  #errorCode: string | undefined;
  #state: 'header' | 'dialing' | 'relaying' | 'ended' = 'dialing';
  #header: ProxyHeaderReader | undefined;
  #endedBy: Party | undefined;
  #reason: EndReason = 'closed';
  /** Sockets that are not closed yet. */
  #open = 1;
  /** What `watch` saw last, and when it changed. */
  #seenBytes = 0;
  #activeAt: number;
  #keptAlive = false;

  constructor(connection: object, init: TcpFlowInit) {
    this.#init = init;
    this.#settings = init.router.settings.tcp;
    this.#client = init.sockets.adopt(connection, this.#sideInit('client'));
    if (init.router.namesClients) this.#remote = this.#client.remote();
    this.#startedAt = init.clock.now();
    this.#activeAt = this.#startedAt;
  }

  get clientAddress(): string {
    this.#remote ??= this.#client.remote();
    return this.#remote.address ?? '';
  }

  get clientPort(): number {
    this.#remote ??= this.#client.remote();
    return this.#remote.port ?? 0;
  }

  start(): void {
    // Node.js has no way to IP_TRANSPARENT: an endpoint is not given another client than its own.
    if (this.#settings.clientAddress === 'keep') this.refuse('address-not-kept');
    else if (this.#settings.acceptProxyFrom.length > 0) this.#startBehindProxies();
    else this.#follow(this.#init.router.route(this));
  }

  #startBehindProxies(): void {
    this.#state = 'header';
    // A client that has gone has no address any more: it is not taken for one that need not send a header.
    if (this.clientAddress === '') this.end('client-gone', 'client');
    else if (isTrusted(this.#settings.acceptProxyFrom, this.clientAddress)) this.#awaitHeader();
    else this.#route();
  }

  #awaitHeader(): void {
    const header = new ProxyHeaderReader();
    this.#header = header;
    this.#init.dialing.set(this, this.#settings.proxyHeaderTimeoutMs);
    this.#client.readHead((chunk) => this.#readHeader(header, chunk));
  }

  #readHeader(header: ProxyHeaderReader, chunk: Buffer): Buffer | undefined {
    const { decoded, rest } = header.read(chunk);
    if (decoded.kind === 'invalid') this.end('proxy-header-invalid', 'sluice');
    if (decoded.kind !== 'header') return undefined;
    this.#header = undefined;
    if (decoded.ends !== undefined) this.#remote = decoded.ends.source;
    this.#route();
    return rest;
  }

  #route(): void {
    this.#state = 'dialing';
    this.#activeAt = this.#init.clock.now();
    this.#follow(this.#init.router.route(this));
  }

  /** Ends a connection that was never started: this process has no room for it, or it has waited for that in vain. */
  refuse(reason: EndReason): void {
    this.#init.router.refused(this, reason);
    this.end(reason, 'sluice');
  }

  /** The target that the client is connected to, or is being connected to. */
  get target(): Target | undefined {
    return this.#target ?? this.lease;
  }

  /** Ends the connection now, with a reset on both sides. `code`: see `Ending.errorCode`. */
  end(reason: EndReason, by: Party, code?: string): void {
    if (this.#state === 'ended') return;
    if (this.#state === 'header') this.#init.router.refused(this, reason);
    this.#state = 'ended';
    this.#init.dialing.delete(this);
    this.#reason = reason;
    this.#endedBy = by;
    this.#errorCode = code;
    this.#client.abort();
    this.#upstream?.abort();
  }

  /**
   * Looks at the connection from time to time: silence beyond a timeout ends it. Keepalive is switched on at the first
   * look, so that short connections do not pay for it.
   */
  watch(now: number): void {
    if (this.#state !== 'relaying') return;
    const bytes = this.#client.bytes + (this.#upstream?.bytes ?? 0);
    if (bytes !== this.#seenBytes) {
      this.#seenBytes = bytes;
      this.#activeAt = now;
    }
    this.#keepAlive();
    const passed = passedTimeout(this.#settings, now - this.#activeAt, this.#endedBy !== undefined);
    if (passed !== undefined) this.end(passed, 'sluice');
  }

  view(now: number): FlowView {
    return {
      clientAddress: this.clientAddress,
      clientPort: this.clientPort,
      target: this.target,
      ageMs: now - this.#startedAt,
      idleMs: now - this.#activeAt,
      bytesFromClient: this.#client.bytes,
      bytesFromEndpoint: this.#upstream?.bytes ?? 0,
    };
  }

  #follow(route: Route): void {
    if (route.kind === 'forward') this.#dial(route.target);
    else this.end(route.reason, 'sluice');
  }

  #dial(target: Target): void {
    const { clock, sockets, dialing } = this.#init;
    const { connectTimeoutMs, connectBudgetMs } = this.#settings;
    const leftMs = connectBudgetMs - (clock.now() - this.#activeAt);
    if (leftMs <= 0) {
      this.end('connect-failed', 'sluice');
      return;
    }
    const { address, port } = target.endpoint;
    this.#upstream = sockets.create(this.#sideInit('endpoint'));
    this.#open += 1;
    dialing.set(this, Math.min(connectTimeoutMs, leftMs));
    this.#upstream.connect(address, port);
  }

  #sideInit(party: SideInit['party']): SideInit {
    return { owner: this, party, pool: this.#init.pool, noDelay: this.#settings.noDelay };
  }

  /** The deadline of the header, or of a try, has passed. */
  late(): void {
    if (this.#state === 'header') this.end('proxy-header-timeout', 'sluice');
    else this.#dialFailed('connect-timeout');
  }

  #dialFailed(failure: ConnectFailure, code?: string): void {
    const target = this.lease;
    if (this.#state !== 'dialing' || target === undefined) return;
    this.#init.dialing.delete(this);
    this.#upstream?.abort();
    this.#upstream = undefined;
    this.#lastFailure = failure;
    this.#lastFailureCode = code;
    const route = this.#init.router.connectFailed(this, target, failure, code);
    // Nobody is left to try another one for.
    if (this.#client.isReset()) this.end('client-gone', 'client');
    else this.#follow(route);
  }

  sideConnected(upstream: Side): void {
    const target = this.lease;
    if (this.#state !== 'dialing' || upstream !== this.#upstream || target === undefined) upstream.abort();
    else if (isConnectedToItself(upstream, target)) this.#dialFailed('connect-refused');
    else this.#relay(upstream, target);
  }

  #relay(upstream: Side, target: Target): void {
    this.#init.dialing.delete(this);
    this.#state = 'relaying';
    this.#target = target;
    this.#activeAt = this.#init.clock.now();
    this.#connectMs = this.#activeAt - this.#startedAt;
    this.#init.router.connected(this, target, this.#connectMs);
    const { sendProxy } = this.#settings;
    if (sendProxy !== 'off') upstream.sendHead(proxyHeaderOf(this, sendProxy, this.#init.local));
    this.#client.relayTo(upstream, target.stats);
    upstream.relayTo(this.#client, target.stats);
  }

  sideEnded(side: Side): void {
    if (this.#header !== undefined) {
      this.end(this.#header.isEmpty ? 'client-gone' : 'proxy-header-invalid', 'client');
      return;
    }
    this.#endedBy ??= side.party;
    const other = side === this.#client ? this.#upstream : this.#client;
    other?.finish();
  }

  sideFailed(side: Side, code: string): void {
    if (this.#state === 'header') this.end('client-gone', 'client');
    else if (side === this.#upstream && this.#state === 'dialing') this.#dialFailed(connectFailureOf(code), code);
    else if (side === this.#upstream || side === this.#client)
      this.end(isReset(code) ? 'reset' : 'error', side.party, code);
  }

  sideClosed(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    this.#init.dialing.delete(this);
    this.#state = 'ended';
    this.#init.router.closed(this, this.#ending());
    this.#init.onClosed(this);
  }

  #ending(): Ending {
    return {
      reason: this.#reason,
      by: this.#endedBy ?? 'sluice',
      target: this.#target,
      bytesFromClient: this.#client.bytes,
      bytesFromEndpoint: this.#upstream?.bytes ?? 0,
      durationMs: this.#init.clock.now() - this.#startedAt,
      connectMs: this.#connectMs,
      lastFailure: this.#lastFailure,
      lastFailureCode: this.#lastFailureCode,
      errorCode: this.#errorCode,
    };
  }

  #keepAlive(): void {
    if (this.#keptAlive) return;
    this.#keptAlive = true;
    const { keepAliveMs } = this.#settings;
    if (keepAliveMs === Number.POSITIVE_INFINITY) return;
    this.#client.keepAlive(keepAliveMs);
    this.#upstream?.keepAlive(keepAliveMs);
  }
}
