import type { Socket } from 'node:dgram';
import { errorCode } from '../../base/errors.ts';
import { familyOf } from '../../model/address.ts';
import { type ConnectFailure, connectFailureOf, type DropReason } from '../../model/reason.ts';
import type { Target } from '../../model/target.ts';
import type { Descriptors } from '../descriptors.ts';
import type { DatagramSender } from './datagram-sender.ts';
import { dropReasonOf, endpointFailureOf, senderFor } from './udp-sender.ts';
import type { SocketBuffers } from './udp-socket.ts';
import { openSocket } from './udp-socket.ts';

/** What all upstreams of the process have in common. */
export interface UpstreamShared {
  readonly descriptors: Descriptors;
  readonly buffers: SocketBuffers;
  readonly directSend: boolean;
}

/** Whoever sends through an upstream. */
export interface UpstreamUser {
  replied(message: Buffer): void;
  /** The endpoint cannot be reached, or no socket could be made. Nothing more comes from this upstream. */
  failed(failure: ConnectFailure, code: string): void;
  /** One datagram was not sent; the upstream lives on. */
  dropped(reason: DropReason): void;
}

/** The way from a session to its endpoint. */
export interface Upstream {
  /** False: it is known already that the datagram was not sent; the user has been told why. */
  send(message: Buffer): boolean;
  /** The user hears nothing more. */
  leave(user: UpstreamUser): void;
}

type State =
  | { readonly kind: 'connecting'; readonly queue: Buffer[]; bytes: number }
  | { readonly kind: 'connected'; readonly sender: DatagramSender }
  | { readonly kind: 'closed' };

const closed: State = { kind: 'closed' };

/** What may wait until the socket is connected; more is dropped. */
export const maxQueued = 64;
/** Room for four of the largest datagrams. */
const maxQueuedBytes = 256 * 1024;

/**
 * A connected socket towards one endpoint: the kernel lets in only what comes from there, and tells of its ICMP errors
 * (udp(7)). It holds one descriptor of the budget, which must have been acquired before, and gives it back.
 */
export class SocketUpstream implements Upstream {
  readonly #user: UpstreamUser;
  readonly #shared: UpstreamShared;
  readonly #socket: Socket;
  #state: State = { kind: 'connecting', queue: [], bytes: 0 };

  constructor(target: Target, user: UpstreamUser, shared: UpstreamShared) {
    this.#user = user;
    this.#shared = shared;
    const { address, port } = target.endpoint;
    this.#socket = openSocket(familyOf(address));
    this.#socket.on('message', (message) => user.replied(message));
    this.#socket.on('error', (error) => this.#failedWith(errorCode(error)));
    this.#socket.on('connect', () => this.#connected());
    this.#socket.connect(port, address);
  }

  send(message: Buffer): boolean {
    const state = this.#state;
    if (state.kind === 'connected') return state.sender.send(message);
    return state.kind === 'connecting' && this.#queue(state, message);
  }

  leave(): void {
    if (this.#state.kind === 'closed') return;
    this.#state = closed;
    this.#socket.removeAllListeners('message');
    this.#socket.close();
    this.#shared.descriptors.release(1);
  }

  #queue(state: State & { kind: 'connecting' }, message: Buffer): boolean {
    if (state.queue.length >= maxQueued || state.bytes + message.length > maxQueuedBytes) {
      this.#user.dropped('buffer-full');
      return false;
    }
    state.queue.push(message);
    state.bytes += message.length;
    return true;
  }

  #connected(): void {
    const state = this.#state;
    if (state.kind !== 'connecting') return;
    this.#shared.buffers.apply(this.#socket);
    const sender = senderFor(this.#socket, (code) => this.#sendFailed(code), this.#shared.directSend);
    this.#state = { kind: 'connected', sender };
    for (const message of state.queue) this.send(message);
  }

  #sendFailed(code: string): void {
    if (endpointFailureOf(code) === undefined) this.#user.dropped(dropReasonOf(code));
    else this.#failedWith(code);
  }

  /** Told a tick later: the code may come while the user is still sending, or in the middle of the constructor. */
  #failedWith(code: string): void {
    const failure = this.#state.kind === 'connecting' ? openFailureOf(code) : endpointFailureOf(code);
    if (failure === undefined) return;
    process.nextTick(() => {
      if (this.#state.kind !== 'closed') this.#user.failed(failure, code);
    });
  }
}

/** For bind(2) to any port, EADDRINUSE says that every ephemeral port is taken (ip(7)). */
function openFailureOf(code: string): ConnectFailure {
  return code === 'EADDRINUSE' ? 'ports-exhausted' : connectFailureOf(code);
}
