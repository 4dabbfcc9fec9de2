import type { Clock } from '../base/clock.ts';
import type { AddressPort } from '../model/address.ts';
import { type ConnectFailure, type EndReason, isLocalFailure, type Party, type RejectReason } from '../model/reason.ts';
import type { Target } from '../model/target.ts';
import type { IdleQueue } from './idle-queue.ts';
import { encodeProxyHeader } from './proxy-protocol/encode.ts';
import type { Flow, FlowView, Router } from './relay.ts';
import type { Lane, SessionTable, TableEntry } from './udp-table.ts';

/** What a session needs of the listener that it came in through. */
export interface UdpSessionHost {
  readonly router: Router;
  /** What all sessions of the process have in common. */
  readonly shared: { readonly clock: Clock; readonly sessions: SessionTable<UdpSession> };
  readonly lane: Lane<UdpSession>;
  /** The session has ended. It is in the table no more. */
  forget(session: UdpSession): void;
}

export interface UdpSessionInit {
  readonly flow: Flow;
  readonly target: Target;
  readonly now: number;
}

export function udpFlow(clientAddress: string, clientPort: number): Flow {
  return { protocol: 'UDP', clientAddress, clientPort, tried: undefined, frontend: undefined, lease: undefined };
}

/** A datagram older than this is not sent again: it may well have arrived. */
const resendMs = 1_000;

/**
 * One client address:port and the endpoint that it was given, as policy sees it. How its datagrams move is the engine's.
 *
 * UDP has no handshake, so `Router.connected` is told at the first reply, with the time that it took. If none comes, it
 * is told (with 0 ms) when the client sends again after `assumeReachedMs` without an ICMP error, or at the session's
 * end. Until then, an ICMP error is a failed connect: the next endpoint gets the last datagram. After it, the session
 * ends, and its last datagram, if it was not answered, makes a new one.
 */
export abstract class UdpSession implements TableEntry<UdpSession> {
  readonly flow: Flow;
  readonly lane: Lane<UdpSession>;
  /** As the service was when the session began. The socket of `oneway` is shared: it cannot be this client's. */
  readonly oneway: boolean;
  protected readonly keepsClient: boolean;
  queue: IdleQueue<UdpSession> | undefined;
  queueIndex = 0;
  seenActiveMs = 0;
  seenOrder = 0;
  readonly #host: UdpSessionHost;
  readonly #startMs: number;
  #target: Target;
  #connectMs: number | undefined;
  #lastFailure: ConnectFailure | undefined;
  #lastFailureCode: string | undefined;
  /** Of the error that ended it, if one did. */
  #errorCode: string | undefined;
  #ended = false;

  constructor(host: UdpSessionHost, { flow, target, now }: UdpSessionInit) {
    this.#host = host;
    this.flow = flow;
    this.lane = host.lane;
    const { oneway, clientAddress } = host.router.settings.udp;
    this.keepsClient = clientAddress === 'keep';
    this.oneway = oneway && !this.keepsClient;
    this.#startMs = now;
    this.#target = target;
  }

  abstract get lastActiveMs(): number;
  abstract get established(): boolean;
  protected abstract get bytesFromClient(): number;
  protected abstract get bytesFromEndpoint(): number;
  /** It has sent to its target. */
  protected abstract get isDialled(): boolean;
  /** Sends what the client has sent and nothing has answered to `target`. False: no descriptor is left. */
  protected abstract dial(target: Target): boolean;
  /** Gives up the way to the endpoint. */
  protected abstract leave(): void;
  /** What nothing has answered is not to be sent again. */
  protected abstract release(): void;
  /** The session has ended. `again`: what nothing has answered is taken as if it had just come in. */
  protected abstract close(again: boolean): void;

  get client(): string {
    return this.flow.clientAddress;
  }

  get target(): Target {
    return this.#target;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  protected get hasReached(): boolean {
    return this.#connectMs !== undefined;
  }

  end(reason: EndReason, by: Party): void {
    if (this.#ended) return;
    if (!this.hasReached && this.isDialled) this.reached(0);
    this.#finish(reason, by, false);
  }

  /** ICMP says that the endpoint cannot be reached, or no socket could be made. `code`: the system's name of the error. */
  failed(failure: ConnectFailure, code: string): void {
    if (this.#ended) return;
    this.#lastFailure = failure;
    this.#lastFailureCode = code;
    if (this.#host.shared.clock.now() - this.lastActiveMs > resendMs) this.release();
    if (!this.hasReached) {
      this.#nextTarget(failure, code);
      return;
    }
    this.#errorCode = code;
    this.#finish('endpoint-unreachable', 'endpoint', true);
  }

  view(now: number): FlowView {
    return {
      clientAddress: this.flow.clientAddress,
      clientPort: this.flow.clientPort,
      target: this.#target,
      ageMs: now - this.#startMs,
      idleMs: now - this.lastActiveMs,
      bytesFromClient: this.bytesFromClient,
      bytesFromEndpoint: this.bytesFromEndpoint,
    };
  }

  /** What goes before each datagram to the endpoint, where one is sent. `local`: where it came to, if that is not known. */
  proxyHeader(local: AddressPort): Buffer {
    const { clientAddress, clientPort, frontend } = this.flow;
    return encodeProxyHeader('v2', { address: clientAddress, port: clientPort }, frontend ?? local, 'UDP');
  }

  /** The first reply has come. */
  protected answered(): void {
    this.reached(this.#host.shared.clock.now() - this.#startMs);
  }

  protected reached(connectMs: number): void {
    if (this.#ended || this.hasReached) return;
    this.#connectMs = connectMs;
    this.#host.router.connected(this.flow, this.#target, connectMs);
  }

  /** Call it once, and before all else, when the session is in the table. */
  protected start(): void {
    if (!this.dial(this.#target)) this.giveUp('descriptors-exhausted', 'sluice');
  }

  #nextTarget(failure: ConnectFailure, code: string): void {
    this.leave();
    const route = this.#host.router.connectFailed(this.flow, this.#target, failure, code);
    if (route.kind === 'reject') {
      this.giveUp(route.reason, isLocalFailure(failure) ? 'sluice' : 'endpoint');
      return;
    }
    this.#target = route.target;
    this.start();
  }

  /** Nobody gets it, and what it has sent is dropped. */
  protected giveUp(reason: RejectReason, by: Party): void {
    if (this.#ended) return;
    this.#host.router.dropped(reason);
    this.#finish(reason, by, false);
  }

  #finish(reason: EndReason, by: Party, again: boolean): void {
    this.#ended = true;
    this.#host.shared.sessions.remove(this);
    this.#host.forget(this);
    this.leave();
    this.#host.router.closed(this.flow, {
      reason,
      by,
      target: this.hasReached ? this.#target : undefined,
      bytesFromClient: this.bytesFromClient,
      bytesFromEndpoint: this.bytesFromEndpoint,
      durationMs: this.#host.shared.clock.now() - this.#startMs,
      connectMs: this.#connectMs,
      lastFailure: this.#lastFailure,
      lastFailureCode: this.#lastFailureCode,
      errorCode: this.#errorCode,
    });
    this.close(again);
  }
}
