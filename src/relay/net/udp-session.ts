import type { Clock } from '../../base/clock.ts';
import type { ConnectFailure, DropReason, EndReason, Party, RejectReason } from '../../model/reason.ts';
import type { Target } from '../../model/target.ts';
import type { Flow, FlowView, Router } from '../relay.ts';
import type { HeldBytes } from './udp-held.ts';
import type { Lane, SessionTable, TableEntry } from './udp-table.ts';
import type { Upstream, UpstreamUser } from './udp-upstream.ts';

/** What a session needs of the listener that it came in through. */
export interface SessionHost {
  readonly router: Router;
  /** What all sessions of the process have in common. */
  readonly shared: {
    readonly clock: Clock;
    readonly sessions: SessionTable<UdpSession>;
    readonly held: HeldBytes;
  };
  readonly lane: Lane<UdpSession>;
  /** `undefined`: no descriptor is left. */
  connect(target: Target, session: UdpSession): Upstream | undefined;
  reply(message: Buffer, session: UdpSession): boolean;
  forget(session: UdpSession): void;
  /** Takes a datagram of a session that has ended as if it had just come in. */
  again(message: Buffer, session: UdpSession): void;
}

/** An endpoint that has not replied counts as reached if this long after the first datagram no ICMP error has come. */
const assumeReachedMs = 1_000;
/** A datagram older than this is not sent again: it may well have arrived. */
const resendMs = 1_000;
/** With this many datagrams both ways together, replies among them, a session is established. */
const establishedDatagrams = 3;

/**
 * One client address:port and the endpoint that it was given.
 *
 * UDP has no handshake, so `Router.connected` is told at the first reply, with the time that it took. If none comes, it
 * is told (with 0 ms) when the client sends again after `assumeReachedMs` without an ICMP error, or at the session's
 * end. Until then, an ICMP error is a failed connect: the next endpoint gets the last datagram. After it, the session
 * ends, and its last datagram, if it was not answered, makes a new one.
 */
export class UdpSession implements TableEntry<UdpSession>, UpstreamUser {
  readonly flow: Flow;
  readonly lane: Lane<UdpSession>;
  /** As the service was when the session began. */
  readonly oneway: boolean;
  older: UdpSession | undefined;
  newer: UdpSession | undefined;
  lastActiveMs: number;
  established = false;
  readonly #host: SessionHost;
  readonly #startMs: number;
  #target: Target;
  #dialledMs = 0;
  #upstream: Upstream | undefined;
  /** The client's last datagram while nothing has answered it. */
  #unanswered: Buffer | undefined;
  #connectMs: number | undefined;
  #lastFailure: ConnectFailure | undefined;
  #replied = false;
  #ended = false;
  #datagrams = 0;
  #bytesFromClient = 0;
  #bytesFromEndpoint = 0;

  constructor(host: SessionHost, flow: Flow, target: Target, now: number) {
    this.#host = host;
    this.flow = flow;
    this.lane = host.lane;
    this.oneway = host.router.settings.udp.oneway;
    this.lastActiveMs = now;
    this.#startMs = now;
    this.#target = target;
  }

  get client(): string {
    return this.flow.clientAddress;
  }

  get target(): Target {
    return this.#target;
  }

  /** The client's first datagram. Must be called once, and before all else. */
  open(message: Buffer): void {
    this.#hold(message);
    this.#dial(message);
  }

  /** A datagram of the client. */
  forward(message: Buffer): void {
    const now = this.#host.shared.clock.now();
    this.#active(now);
    if (this.#connectMs === undefined && now - this.#dialledMs >= assumeReachedMs) this.#reached(0);
    this.#hold(message);
    this.#send(message);
  }

  replied(message: Buffer): void {
    const now = this.#host.shared.clock.now();
    if (this.#connectMs === undefined) this.#reached(now - this.#startMs);
    this.#replied = true;
    this.#release();
    this.#active(now);
    if (!this.#host.reply(message, this)) return;
    const { stats } = this.#target;
    stats.datagramsFromEndpoint += 1;
    stats.bytesFromEndpoint += message.length;
    this.#bytesFromEndpoint += message.length;
  }

  failed(failure: ConnectFailure): void {
    if (this.#ended) return;
    this.#lastFailure = failure;
    if (this.#host.shared.clock.now() - this.lastActiveMs > resendMs) this.#release();
    const message = this.#unanswered;
    if (this.#connectMs === undefined) {
      this.#nextTarget(failure);
      return;
    }
    this.end('endpoint-unreachable', 'endpoint');
    if (message !== undefined) this.#host.again(message, this);
  }

  dropped(reason: DropReason): void {
    this.#host.router.dropped(reason);
  }

  end(reason: EndReason, by: Party): void {
    if (this.#ended) return;
    if (this.#connectMs === undefined && this.#upstream !== undefined) this.#reached(0);
    this.#finish(reason, by);
  }

  view(now: number): FlowView {
    return {
      clientAddress: this.flow.clientAddress,
      clientPort: this.flow.clientPort,
      target: this.#target,
      ageMs: now - this.#startMs,
      idleMs: now - this.lastActiveMs,
      bytesFromClient: this.#bytesFromClient,
      bytesFromEndpoint: this.#bytesFromEndpoint,
    };
  }

  #active(now: number): void {
    const { sessions } = this.#host.shared;
    sessions.touch(this, now);
    if (this.established) return;
    this.#datagrams += 1;
    if (this.#replied && this.#datagrams >= establishedDatagrams) sessions.establish(this);
  }

  #send(message: Buffer): void {
    if (this.#upstream?.send(message) !== true) return;
    const { stats } = this.#target;
    stats.datagramsToEndpoint += 1;
    stats.bytesToEndpoint += message.length;
    this.#bytesFromClient += message.length;
  }

  #dial(message: Buffer | undefined): void {
    this.#dialledMs = this.#host.shared.clock.now();
    this.#upstream = this.#host.connect(this.#target, this);
    if (this.#upstream === undefined) this.#giveUp('descriptors-exhausted', 'sluice');
    else if (message !== undefined) this.#send(message);
  }

  #nextTarget(failure: ConnectFailure): void {
    this.#leave();
    const route = this.#host.router.connectFailed(this.flow, this.#target, failure);
    if (route.kind === 'reject') {
      this.#giveUp(failure === 'descriptors-exhausted' ? failure : route.reason, 'endpoint');
      return;
    }
    this.#target = route.target;
    this.#dial(this.#unanswered);
  }

  #giveUp(reason: RejectReason, by: Party): void {
    this.#host.router.dropped(reason);
    this.#finish(reason, by);
  }

  #reached(connectMs: number): void {
    this.#connectMs = connectMs;
    this.#host.router.connected(this.flow, this.#target, connectMs);
  }

  #finish(reason: EndReason, by: Party): void {
    this.#ended = true;
    this.#release();
    this.#leave();
    this.#host.forget(this);
    this.#host.router.closed(this.flow, {
      reason,
      by,
      target: this.#connectMs === undefined ? undefined : this.#target,
      bytesFromClient: this.#bytesFromClient,
      bytesFromEndpoint: this.#bytesFromEndpoint,
      durationMs: this.#host.shared.clock.now() - this.#startMs,
      connectMs: this.#connectMs,
      lastFailure: this.#lastFailure,
    });
  }

  #leave(): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    upstream?.leave(this);
  }

  #hold(message: Buffer): void {
    this.#release();
    if (this.#host.shared.held.tryHold(message.length)) this.#unanswered = message;
  }

  #release(): void {
    if (this.#unanswered === undefined) return;
    this.#host.shared.held.release(this.#unanswered.length);
    this.#unanswered = undefined;
  }
}
