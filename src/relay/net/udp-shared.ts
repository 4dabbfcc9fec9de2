import { type UdpInit, UdpShared } from '../udp-shared.ts';
import { HeldBytes } from './udp-held.ts';
import { SocketBuffers } from './udp-socket.ts';

export interface NetUdpInit extends UdpInit {
  /** Send through the handle where this Node.js has it as expected (`udp-direct.ts`). Default: true. */
  readonly directSend?: boolean;
}

/** What all UDP listeners of a process have in common: make one and give it to every `listenUdp`. */
export class NetUdpShared extends UdpShared {
  readonly buffers: SocketBuffers;
  readonly directSend: boolean;
  override readonly keepsClients = false;
  /** Bytes of datagrams that wait for a socket or for their answer. */
  readonly held = new HeldBytes();

  constructor(init: NetUdpInit) {
    super(init);
    this.buffers = new SocketBuffers(this.bufferSizes, (granted) => this.granted(granted));
    this.directSend = init.directSend ?? true;
  }
}
