import type { Clock } from '../../base/clock.ts';
import type { Descriptors } from '../descriptors.ts';
import { HeldBytes } from './udp-held.ts';
import type { UdpSession } from './udp-session.ts';
import { SocketBuffers } from './udp-socket.ts';
import { SessionTable } from './udp-table.ts';

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
  readonly buffersClamped?: (granted: { readonly receiveBytes: number; readonly sendBytes: number }) => void;
  /** Send through the handle where this Node.js has it as expected (`udp-direct.ts`). Default: true. */
  readonly directSend?: boolean;
}

/** What all UDP listeners of a process have in common: make one and give it to every `listenUdp`. */
export class UdpShared {
  readonly clock: Clock;
  readonly descriptors: Descriptors;
  readonly sessions: SessionTable<UdpSession>;
  readonly buffers: SocketBuffers;
  readonly directSend: boolean;
  /** Bytes of datagrams that wait for a socket or for their answer. */
  readonly held = new HeldBytes();

  constructor(init: UdpInit) {
    this.clock = init.clock;
    this.descriptors = init.descriptors;
    this.sessions = new SessionTable(init);
    this.buffers = new SocketBuffers({
      receiveBytes: init.receiveBufferBytes,
      sendBytes: init.sendBufferBytes,
      ...(init.buffersClamped && { clamped: init.buffersClamped }),
    });
    this.directSend = init.directSend ?? true;
  }
}
