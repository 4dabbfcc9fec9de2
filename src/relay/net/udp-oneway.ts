import type { ConnectFailure, DropReason } from '../../model/reason.ts';
import type { Target } from '../../model/target.ts';
import type { NetUdpShared } from './udp-shared.ts';
import { SocketUpstream, type Upstream, type UpstreamUser } from './udp-upstream.ts';

/**
 * One socket for all `oneway` sessions of a listener with the same endpoint: no reply has to find its session, so
 * thousands of syslog senders need no more sockets than there are endpoints. A reply that comes all the same is lost.
 */
export class OnewayUpstreams {
  readonly #shared: NetUdpShared;
  readonly #byTarget = new Map<Target, OnewayUpstream>();

  constructor(shared: NetUdpShared) {
    this.#shared = shared;
  }

  /** `undefined`: no descriptor is left. */
  join(target: Target, user: UpstreamUser): Upstream | undefined {
    let upstream = this.#byTarget.get(target);
    if (upstream === undefined) {
      if (!this.#shared.descriptors.tryAcquire(1)) return undefined;
      const made = new OnewayUpstream(target, this.#shared, () => this.#forget(target, made));
      this.#byTarget.set(target, made);
      upstream = made;
    }
    upstream.users.add(user);
    return upstream;
  }

  /** A new one may have taken its place already. */
  #forget(target: Target, upstream: OnewayUpstream): void {
    if (this.#byTarget.get(target) === upstream) this.#byTarget.delete(target);
  }
}

class OnewayUpstream implements Upstream, UpstreamUser {
  readonly users = new Set<UpstreamUser>();
  readonly #socket: SocketUpstream;
  readonly #empty: () => void;

  constructor(target: Target, shared: NetUdpShared, empty: () => void) {
    this.#empty = empty;
    this.#socket = new SocketUpstream(target, this, shared);
  }

  send(message: Buffer): boolean {
    return this.#socket.send(message);
  }

  leave(user: UpstreamUser): void {
    if (!this.users.delete(user) || this.users.size > 0) return;
    this.#empty();
    this.#socket.leave();
  }

  replied(): void {}

  /** All leave in turn; those that come back for the same endpoint must get a new socket. */
  failed(failure: ConnectFailure, code: string): void {
    this.#empty();
    for (const user of [...this.users]) user.failed(failure, code);
  }

  /** It does not matter whose datagram it was: all belong to one listener, which counts. */
  dropped(reason: DropReason): void {
    const [any] = this.users;
    any?.dropped(reason);
  }
}
