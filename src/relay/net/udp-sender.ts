import type { Socket } from 'node:dgram';
import { errorCode } from '../../base/errors.ts';
import type { ConnectFailure, DropReason } from '../../model/reason.ts';
import { connectFailureOf } from '../../model/reason.ts';
import type { DatagramSender, SendFailed } from './datagram-sender.ts';
import { sendQueueBytes } from './datagram-sender.ts';
import { directSender } from './udp-direct.ts';

/** `socket` must be bound, and connected if `send` is to be used. */
export function senderFor(socket: Socket, failed: SendFailed, direct: boolean): DatagramSender {
  return (direct ? directSender(socket, failed) : undefined) ?? new PublicSender(socket, failed);
}

/** `socket.send` as it is documented. Without a callback it would swallow errors. */
export class PublicSender implements DatagramSender {
  readonly #socket: Socket;
  readonly #failed: SendFailed;

  constructor(socket: Socket, failed: SendFailed) {
    this.#socket = socket;
    this.#failed = failed;
  }

  send(message: Buffer): boolean {
    if (this.#full()) return false;
    this.#socket.send(message, this.#sent);
    return true;
  }

  sendTo(message: Buffer, port: number, address: string): boolean {
    if (this.#full()) return false;
    this.#socket.send(message, port, address, this.#sent);
    return true;
  }

  #full(): boolean {
    if (this.#socket.getSendQueueSize() < sendQueueBytes) return false;
    this.#failed('ENOBUFS');
    return true;
  }

  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#failed(errorCode(error));
  };
}

/** The failure of the endpoint that an error of send(2) or recv(2) tells about, or `undefined` if it blames nobody. */
export function endpointFailureOf(code: string): ConnectFailure | undefined {
  const failure = connectFailureOf(code);
  return failure === 'connect-refused' || failure === 'connect-unreachable' ? failure : undefined;
}

/** Why the datagram is lost that send(2) failed for with `code` (udp(7), ip(7)). */
export function dropReasonOf(code: string): DropReason {
  switch (code) {
    case 'EAGAIN':
    case 'EWOULDBLOCK':
    case 'ENOBUFS':
    case 'ENOMEM':
      return 'buffer-full';
    case 'EMSGSIZE':
      return 'too-large';
    default:
      return 'send-error';
  }
}
