import type { AddressPort } from '../../model/address.ts';
import type { DropReason } from '../../model/reason.ts';
import type { Target } from '../../model/target.ts';
import { UdpSession, type UdpSessionHost, type UdpSessionInit } from '../udp-session.ts';
import type { HeldBytes } from './udp-held.ts';
import type { Upstream, UpstreamUser } from './udp-upstream.ts';

/** What a session needs of the listener that it came in through. */
export interface NetSessionHost extends UdpSessionHost {
  readonly shared: UdpSessionHost['shared'] & { readonly held: HeldBytes };
  /** `undefined`: no descriptor is left. */
  connect(target: Target, session: NetUdpSession): Upstream | undefined;
  reply(message: Buffer, session: NetUdpSession): boolean;
  /** Takes a datagram of a session that has ended as if it had just come in. */
  again(message: Buffer, session: NetUdpSession): void;
}

export interface NetUdpSessionInit extends UdpSessionInit {
  readonly proxy: AddressPort | undefined;
}

/** An endpoint that has not replied counts as reached if this long after the first datagram no ICMP error has come. */
const assumeReachedMs = 1_000;
/** With this many datagrams both ways together, replies among them, a session is established. */
const establishedDatagrams = 3;

/** A session whose datagrams come from and go to node:dgram. */
export class NetUdpSession extends UdpSession implements UpstreamUser {
  /** Whom the datagrams come from and replies go to, where that is not the client but a proxy. */
  readonly proxy: AddressPort | undefined;
  lastActiveMs: number;
  protected bytesFromClient = 0;
  protected bytesFromEndpoint = 0;
  readonly #host: NetSessionHost;
  #dialledMs = 0;
  #upstream: Upstream | undefined;
  /** The client's last datagram while nothing has answered it. */
  #unanswered: Buffer | undefined;
  #replied = false;
  /** Both ways, the first one included. */
  #datagrams = 1;

  constructor(host: NetSessionHost, init: NetUdpSessionInit) {
    super(host, init);
    this.#host = host;
    this.proxy = init.proxy;
    this.lastActiveMs = init.now;
  }

  get established(): boolean {
    return this.#replied && this.#datagrams >= establishedDatagrams;
  }

  protected get isDialled(): boolean {
    return this.#upstream !== undefined;
  }

  /** The client's first datagram. */
  open(message: Buffer): void {
    this.#hold(message);
    this.start();
    if (this.#unanswered === undefined) this.#send(message);
  }

  /** A datagram of the client. */
  forward(message: Buffer): void {
    const now = this.#active();
    if (!this.hasReached && now - this.#dialledMs >= assumeReachedMs) this.reached(0);
    this.#hold(message);
    this.#send(message);
  }

  replied(message: Buffer): void {
    if (!this.hasReached) this.answered();
    this.#replied = true;
    this.release();
    this.#active();
    if (!this.#host.reply(message, this)) return;
    const { stats } = this.target;
    stats.datagramsFromEndpoint += 1;
    stats.bytesFromEndpoint += message.length;
    this.bytesFromEndpoint += message.length;
  }

  dropped(reason: DropReason): void {
    this.#host.router.dropped(reason);
  }

  protected dial(target: Target): boolean {
    this.#dialledMs = this.#host.shared.clock.now();
    this.#upstream = this.#host.connect(target, this);
    if (this.#upstream === undefined) return false;
    if (this.#unanswered !== undefined) this.#send(this.#unanswered);
    return true;
  }

  protected leave(): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    upstream?.leave(this);
  }

  protected release(): void {
    if (this.#unanswered === undefined) return;
    this.#host.shared.held.release(this.#unanswered.length);
    this.#unanswered = undefined;
  }

  protected close(again: boolean): void {
    const message = this.#unanswered;
    this.release();
    if (again && message !== undefined) this.#host.again(message, this);
  }

  /** Returns when that is: now. */
  #active(): number {
    this.lastActiveMs = this.#host.shared.clock.now();
    this.#datagrams += 1;
    return this.lastActiveMs;
  }

  #send(message: Buffer): void {
    if (this.#upstream?.send(message) !== true) return;
    const { stats } = this.target;
    stats.datagramsToEndpoint += 1;
    stats.bytesToEndpoint += message.length;
    this.bytesFromClient += message.length;
  }

  #hold(message: Buffer): void {
    this.release();
    if (this.#host.shared.held.tryHold(message.length)) this.#unanswered = message;
  }
}
