import { getSystemErrorName } from 'node:util';
import type { ConnectFailure, EndReason, Party } from '../../model/reason.ts';
import { connectFailureOf } from '../../model/reason.ts';
import type { TcpSettings } from '../../model/settings.ts';
import type { Frontend } from '../../model/snapshot.ts';
import type { Target } from '../../model/target.ts';
import type { Late } from '../deadlines.ts';
import type { Linked } from '../linked-list.ts';
import { proxyHeaderOf } from '../proxy-protocol/encode.ts';
import type { ProxiedEnds } from '../proxy-protocol/header.ts';
import { isTrusted } from '../proxy-protocol/trusted.ts';
import type { Ending, Flow, FlowView, Route } from '../relay.ts';
import { passedTimeout } from '../silence.ts';
import type { Cells } from './cells.ts';
import type { NativeEnding } from './events.ts';
import type { Column } from './ledger.ts';
import { clientSource, isNotKept, targetAddress } from './socket-address.ts';
import { readHead } from './tcp-head.ts';
import type { TcpFlowHost } from './tcp-host.ts';
import { keepAliveOf } from './tcp-options.ts';

/**
 * One client connection as policy sees it: who gets it, and when it has had its time. The addon moves its bytes.
 *
 * ```
 *   waiting ──► (header) ──► dialing ──► relaying ──► ended
 *      │           │           │ ▲ (next endpoint)      ▲
 *      └───────────┴───────────┴─┴──────────────────────┘
 * ```
 */
export class NativeTcpFlow implements Flow, Linked<NativeTcpFlow>, Late<NativeTcpFlow> {
  tried: Target[] | undefined;
  frontend: Frontend | undefined;
  lease: Target | undefined;
  /** It is one of its listener's flows and has its descriptors. The listener writes it. */
  admitted = false;
  older: NativeTcpFlow | undefined;
  newer: NativeTcpFlow | undefined;
  deadlineAt: number | undefined;
  before: NativeTcpFlow | undefined;
  after: NativeTcpFlow | undefined;
  readonly #host: TcpFlowHost<NativeTcpFlow>;
  readonly #slot: number;
  readonly #settings: TcpSettings;
  #clientPort: number;
  #clientAddress: string | undefined;
  #target: Target | undefined;
  #lastFailure: ConnectFailure | undefined;
  #lastFailureCode: string | undefined;
  #state: 'header' | 'dialing' | 'relaying' | 'ended' = 'dialing';
  /** Why this side has ended it, if it has. */
  #ended: { readonly reason: EndReason; readonly by: Party } | undefined;
  #keptAlive = false;

  constructor(host: TcpFlowHost<NativeTcpFlow>, slot: number, clientPort: number) {
    this.#host = host;
    this.#slot = slot;
    this.#clientPort = clientPort;
    this.#settings = host.router.settings.tcp;
    const now = host.shared.clock.now();
    host.shared.ledger.open(slot);
    this.#note('startedAt', now);
    this.#note('activeAt', now);
  }

  get protocol(): 'TCP' {
    return 'TCP';
  }

  get clientAddress(): string {
    this.#clientAddress ??= this.#cells().clientAddress(this.#host.isV6);
    return this.#clientAddress;
  }

  get clientPort(): number {
    return this.#clientPort;
  }

  /** The target that the client is connected to, or is being connected to. */
  get target(): Target | undefined {
    return this.#target ?? this.lease;
  }

  start(): void {
    const { acceptProxyFrom } = this.#settings;
    if (acceptProxyFrom.length > 0 && isTrusted(acceptProxyFrom, this.clientAddress)) this.#awaitHeader();
    else this.#route();
  }

  /** Ends a connection that was never started: this process has no room for it, or it has waited for that in vain. */
  refuse(reason: EndReason): void {
    this.#host.router.refused(this, reason);
    this.end(reason, 'sluice');
  }

  /** Ends the connection now, with a reset on both sides; `closed` follows. */
  end(reason: EndReason, by: Party): void {
    if (this.#state === 'ended') return;
    if (this.#state === 'header') this.#host.router.refused(this, reason);
    this.#state = 'ended';
    this.#ended = { reason, by };
    const { addon, instance, dialing } = this.#host.shared;
    dialing.delete(this);
    addon.abort(instance, this.#slot);
  }

  /** The deadline of the header, or of a try, has passed. */
  late(): void {
    if (this.#state === 'header') {
      this.end('proxy-header-timeout', 'sluice');
      return;
    }
    const { addon, instance } = this.#host.shared;
    addon.giveUp(instance, this.#slot);
    this.#followOn(this.#failed('connect-timeout'));
  }

  /**
   * Looks at the connection from time to time: silence beyond a timeout ends it. Keepalive is switched on at the first
   * look, so that short connections do not pay for it.
   */
  watch(now: number): void {
    if (this.#state !== 'relaying') return;
    const cells = this.#cells();
    const bytes = cells.bytesFromClient + cells.bytesFromEndpoint;
    if (bytes !== this.#noted('seenBytes')) {
      this.#note('seenBytes', bytes);
      this.#note('activeAt', now);
    }
    this.#keepAlive();
    const passed = passedTimeout(this.#settings, now - this.#noted('activeAt'), cells.isMarked);
    if (passed !== undefined) this.end(passed, 'sluice');
  }

  view(now: number): FlowView {
    const cells = this.#cells();
    return {
      clientAddress: this.clientAddress,
      clientPort: this.#clientPort,
      target: this.target,
      ageMs: now - this.#noted('startedAt'),
      idleMs: now - this.#noted('activeAt'),
      bytesFromClient: cells.bytesFromClient,
      bytesFromEndpoint: cells.bytesFromEndpoint,
    };
  }

  /** Adds to the target's counters what has moved since the last time. */
  settle(): void {
    const { bytesFromClient, bytesFromEndpoint } = this.#cells();
    if (this.#target === undefined) return;
    const { stats } = this.#target;
    stats.bytesToEndpoint += bytesFromClient - this.#noted('settledUp');
    stats.bytesFromEndpoint += bytesFromEndpoint - this.#noted('settledDown');
    this.#note('settledUp', bytesFromClient);
    this.#note('settledDown', bytesFromEndpoint);
  }

  /** The endpoint has answered, and the addon relays. */
  connected(): void {
    const target = this.lease;
    if (this.#state !== 'dialing' || target === undefined) return;
    const { dialing, clock } = this.#host.shared;
    dialing.delete(this);
    this.#state = 'relaying';
    this.#target = target;
    const now = clock.now();
    const connectMs = now - this.#noted('startedAt');
    this.#note('activeAt', now);
    this.#note('connectMs', connectMs);
    this.#host.router.connected(this, target, connectMs);
  }

  /** `code` is that of connect(2). */
  dialFailed(code: string): void {
    if (this.#state === 'dialing') this.#followOn(this.#failed(connectFailureOf(code), code));
  }

  closed(ending: NativeEnding, by: Party): void {
    const { dialing, clock } = this.#host.shared;
    dialing.delete(this);
    if (this.#state === 'header') this.#host.router.refused(this, 'client-gone');
    this.#state = 'ended';
    this.settle();
    const cells = this.#cells();
    this.#host.router.closed(this, {
      reason: ending === 'aborted' ? (this.#ended?.reason ?? 'error') : ending,
      by: this.#ended?.by ?? by,
      target: this.#target,
      bytesFromClient: cells.bytesFromClient,
      bytesFromEndpoint: cells.bytesFromEndpoint,
      durationMs: clock.now() - this.#noted('startedAt'),
      connectMs: this.#target === undefined ? undefined : this.#noted('connectMs'),
      lastFailure: this.#lastFailure,
      lastFailureCode: this.#lastFailureCode,
      errorCode: cells.errorCode,
      measures: cells.measures,
    } satisfies Ending);
    this.#host.flowClosed(this);
  }

  #noted(column: Column): number {
    return this.#host.shared.ledger.get(this.#slot, column);
  }

  #note(column: Column, value: number): void {
    this.#host.shared.ledger.set(this.#slot, column, value);
  }

  /** Made anew for each look, so that an idle connection does not keep it. */
  #cells(): Cells {
    return this.#host.shared.cells(this.#slot);
  }

  #awaitHeader(): void {
    const { addon, instance, dialing } = this.#host.shared;
    this.#state = 'header';
    dialing.set(this, this.#settings.proxyHeaderTimeoutMs);
    if (!addon.watchHead(instance, this.#slot)) this.end('error', 'sluice');
  }

  /** More of the header has come, or the client's end. What is behind the header stays in the kernel. */
  headCame(isLast: boolean): void {
    if (this.#state !== 'header') return;
    const head = readHead(this.#host.shared, this.#slot, isLast);
    if (head.kind === 'none') this.end(head.reason, head.by);
    if (head.kind !== 'header') return;
    this.#becomeClient(head.ends);
    this.#route();
  }

  #becomeClient(ends: ProxiedEnds | undefined): void {
    if (ends === undefined) return;
    this.#clientAddress = ends.source.address;
    this.#clientPort = ends.source.port;
  }

  #route(): void {
    const { dialing, clock } = this.#host.shared;
    dialing.delete(this);
    this.#state = 'dialing';
    this.#note('activeAt', clock.now());
    this.#follow(this.#host.router.route(this));
  }

  /** Tries endpoints until one has answered, or has to be waited for, or none is left. */
  #follow(first: Route): void {
    const { connectTimeoutMs, connectBudgetMs } = this.#settings;
    const { clock, dialing } = this.#host.shared;
    for (let route = first; ; ) {
      const leftMs = connectBudgetMs - (clock.now() - this.#noted('activeAt'));
      if (route.kind === 'reject' || leftMs <= 0) {
        this.end(route.kind === 'reject' ? route.reason : 'connect-failed', 'sluice');
        return;
      }
      const result = this.#dial(route.target);
      if (result === 0) dialing.set(this, Math.min(connectTimeoutMs, leftMs));
      else if (result > 0) this.connected();
      if (result >= 0) return;
      const code = getSystemErrorName(result);
      route = this.#failed(connectFailureOf(code), code);
    }
  }

  /** Goes on after a try that has taken its time, unless nobody is left to try another one for. */
  #followOn(route: Route): void {
    const { addon, instance } = this.#host.shared;
    if (addon.hasClient(instance, this.#slot)) this.#follow(route);
    else this.end('client-gone', 'client');
  }

  #dial(target: Target): number {
    const { addon, instance } = this.#host.shared;
    const { sendProxy, clientAddress } = this.#settings;
    const header = sendProxy === 'off' ? undefined : proxyHeaderOf(this, sendProxy, this.#host.local);
    const source = clientAddress === 'keep' ? clientSource(this, target) : undefined;
    return addon.dial(instance, this.#slot, targetAddress(target), header, source);
  }

  #failed(failure: ConnectFailure, code?: string): Route {
    const target = this.lease;
    if (target === undefined) return { kind: 'reject', reason: 'connect-failed' };
    if (code !== undefined && this.#settings.clientAddress === 'keep' && isNotKept(code))
      return { kind: 'reject', reason: 'address-not-kept' };
    this.#host.shared.dialing.delete(this);
    this.#lastFailure = failure;
    this.#lastFailureCode = code;
    return this.#host.router.connectFailed(this, target, failure, code);
  }

  #keepAlive(): void {
    if (this.#keptAlive) return;
    this.#keptAlive = true;
    const { idleSeconds, userTimeoutMs } = keepAliveOf(this.#settings);
    const { addon, instance } = this.#host.shared;
    if (idleSeconds > 0 || userTimeoutMs > 0) addon.keepAlive(instance, this.#slot, idleSeconds, userTimeoutMs);
  }
}
