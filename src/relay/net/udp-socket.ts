import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { once } from 'node:events';
import { familyOf, type Ip, type IpFamily } from '../../model/address.ts';
import type { BufferSizes } from '../udp-shared.ts';

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

/** Asks for the sizes of socket buffers, and tells what the kernel grants. */
export class SocketBuffers {
  readonly #sizes: BufferSizes;
  readonly #granted: (granted: BufferSizes) => void;

  constructor(sizes: BufferSizes, granted: (granted: BufferSizes) => void) {
    this.#sizes = sizes;
    this.#granted = granted;
  }

  /** `socket` must be bound. */
  apply(socket: Socket): void {
    try {
      socket.setRecvBufferSize(this.#sizes.receiveBytes);
      socket.setSendBufferSize(this.#sizes.sendBytes);
    } catch {
      // It keeps the sizes that it has: the next line tells.
    }
    this.#granted({ receiveBytes: socket.getRecvBufferSize(), sendBytes: socket.getSendBufferSize() });
  }
}
