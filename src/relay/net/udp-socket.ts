import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { once } from 'node:events';
import { familyOf, type Ip, type IpFamily } from '../../model/address.ts';

type Lookup = NonNullable<SocketOptions['lookup']>;

/**
 * All addresses here are numbers already. The default, dns.lookup, would be asked for every datagram that is sent from
 * an unconnected socket, and would answer a tick later. The family in the answer is not looked at by node:dgram.
 */
const numericLookup: Lookup = (hostname, _options, callback) => callback(null, hostname, 0);

export function openSocket(family: IpFamily): Socket {
  return family === 'IPv4'
    ? createSocket({ type: 'udp4', lookup: numericLookup })
    : createSocket({ type: 'udp6', ipv6Only: true, lookup: numericLookup });
}

/**
 * A socket on exactly `address:port`. Without SO_REUSEADDR, which for UDP would let a second process take datagrams
 * away (socket(7)). Rejects with the system error.
 */
export async function bindSocket(address: Ip, port: number): Promise<Socket> {
  const socket = openSocket(familyOf(address));
  try {
    const listening = once(socket, 'listening');
    socket.bind({ address, port, exclusive: true });
    await listening;
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

export function closeSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.close(resolve);
  });
}

export interface SocketBuffersInit {
  /** SO_RCVBUF and SO_SNDBUF, in bytes (socket(7)). */
  readonly receiveBytes: number;
  readonly sendBytes: number;
  /** Told once, if the kernel grants less (`net.core.rmem_max`, `net.core.wmem_max`). */
  readonly clamped?: (granted: { readonly receiveBytes: number; readonly sendBytes: number }) => void;
}

/** Asks for the sizes of socket buffers. Being granted less is no failure. */
export class SocketBuffers {
  readonly #init: SocketBuffersInit;
  #reported = false;

  constructor(init: SocketBuffersInit) {
    this.#init = init;
  }

  /** `socket` must be bound. */
  apply(socket: Socket): void {
    const { receiveBytes, sendBytes } = this.#init;
    try {
      socket.setRecvBufferSize(receiveBytes);
      socket.setSendBufferSize(sendBytes);
    } catch {
      // It keeps the sizes that it has: the check below tells.
    }
    if (!this.#reported) this.#check(socket);
  }

  #check(socket: Socket): void {
    const granted = { receiveBytes: socket.getRecvBufferSize(), sendBytes: socket.getSendBufferSize() };
    if (granted.receiveBytes >= this.#init.receiveBytes && granted.sendBytes >= this.#init.sendBytes) return;
    this.#reported = true;
    this.#init.clamped?.(granted);
  }
}
