import type { Clock } from '../base/clock.ts';
import type { DropReason } from '../model/reason.ts';
import type { Target } from '../model/target.ts';
import type { Descriptors } from './descriptors.ts';
import type { Flow, Router } from './relay.ts';
import type { UdpSession } from './udp-session.ts';
import { SessionTable } from './udp-table.ts';

export interface BufferSizes {
  /** SO_RCVBUF and SO_SNDBUF, in bytes (socket(7)). */
  readonly receiveBytes: number;
  readonly sendBytes: number;
}

export interface UdpInit {
  readonly clock: Clock;
  /** Sessions at once, over all listeners. */
  readonly maxSessions: number;
  /** Sessions at once of one client address, over all listeners. */
  readonly maxSessionsPerClient: number;
  /** SO_RCVBUF and SO_SNDBUF of every socket, in bytes. */
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  /** Each session's socket towards its endpoint is one descriptor. The listening sockets are not counted. */
  readonly descriptors: Descriptors;
  /** Told once, if the kernel grants smaller buffers. */
  readonly buffersClamped?: (granted: BufferSizes) => void;
}

/** What becomes of the first datagram of a client. */
export type Admission =
  | { readonly kind: 'forward'; readonly target: Target }
  | { readonly kind: 'drop'; readonly reason: DropReason };

/** What all UDP listeners of a process have in common: the sessions, and the rules by which there may be more. */
export class UdpShared {
  readonly clock: Clock;
  readonly descriptors: Descriptors;
  readonly sessions: SessionTable<UdpSession>;
  readonly bufferSizes: BufferSizes;
  /** Whether endpoints can be made to see the client's address (`clientAddress: keep`). */
  readonly keepsClients: boolean = true;
  readonly #buffersClamped: UdpInit['buffersClamped'];
  #hasReported = false;

  constructor(init: UdpInit) {
    this.clock = init.clock;
    this.descriptors = init.descriptors;
    this.sessions = new SessionTable(init);
    this.bufferSizes = { receiveBytes: init.receiveBufferBytes, sendBytes: init.sendBufferBytes };
    this.#buffersClamped = init.buffersClamped;
  }

  /** Whoever must go to make room goes only when the router has an endpoint for the new one. */
  admit(flow: Flow, router: Router): Admission {
    if (!this.keepsClients && router.settings.udp.clientAddress === 'keep')
      return { kind: 'drop', reason: 'address-not-kept' };
    const room = this.sessions.room(flow.clientAddress, this.clock.now());
    if (room.kind === 'full') return { kind: 'drop', reason: room.reason };
    const route = router.route(flow);
    if (route.kind === 'reject') return { kind: 'drop', reason: route.reason };
    if (room.kind === 'evict') room.victim.end('evicted', 'sluice');
    return route;
  }

  /** One descriptor for `session`, if need be that of the one which the table would let go first. */
  acquire(session: UdpSession): boolean {
    if (this.descriptors.tryAcquire(1)) return true;
    const victim = this.sessions.victim(this.clock.now());
    if (victim === undefined || victim === session) return false;
    victim.end('evicted', 'sluice');
    return this.descriptors.tryAcquire(1);
  }

  /** What a socket was granted; less than was asked for is no failure, but is told (`net.core.rmem_max`, `wmem_max`). */
  granted({ receiveBytes, sendBytes }: BufferSizes): void {
    if (this.#hasReported) return;
    if (receiveBytes >= this.bufferSizes.receiveBytes && sendBytes >= this.bufferSizes.sendBytes) return;
    this.#hasReported = true;
    this.#buffersClamped?.({ receiveBytes, sendBytes });
  }
}
