import type { Server } from 'node:net';
import type { Party } from '../../model/reason.ts';
import type { TargetStats } from '../../model/target.ts';
import type { BufferPool } from './buffers.ts';

/** What a side tells its connection. `sideClosed` comes exactly once, after everything else. */
export interface SideOwner {
  sideConnected(side: Side): void;
  /** The other end has sent FIN, and everything before it was handed on. */
  sideEnded(side: Side): void;
  /** `code` is the system error's, of connect, read or write. */
  sideFailed(side: Side, code: string): void;
  sideClosed(): void;
}

/** Takes what a side reads. Answers with what is left over as soon as it needs no more; `undefined`: go on. */
export type HeadReader = (chunk: Buffer) => Buffer | undefined;

export interface SideInit {
  readonly owner: SideOwner;
  readonly party: Exclude<Party, 'sluice'>;
  readonly pool: BufferPool;
  /** TCP_NODELAY, see tcp(7). */
  readonly noDelay: boolean;
}

export interface Remote {
  readonly address?: string;
  readonly port?: number;
}

/** One of the two sockets of a connection, and one direction of bytes: from this socket to its peer. */
export interface Side {
  readonly party: Exclude<Party, 'sluice'>;
  /** Bytes read so far. */
  readonly bytes: number;
  /** The other end, getpeername(2); empty if it has gone already. */
  remote(): Remote;
  /** Whether the other end has reset the connection, as far as a socket knows that is not read. */
  isReset(): boolean;
  /** Answers with `sideConnected` or `sideFailed`, later. */
  connect(address: string, port: number): void;
  /** Whether a connected socket is connected to itself. */
  isConnectedToItself(): boolean;
  /**
   * Reads before `relayTo`, until `head` has enough; then no more. What `head` leaves over is the first that `relayTo`
   * hands on; the rest is not counted in `bytes`. An end that comes after it is told when `relayTo` has begun.
   */
  readHead(head: HeadReader): void;
  /** Sends bytes of our own, before anything is relayed to this side. They are not counted. */
  sendHead(bytes: Buffer): void;
  /**
   * From now on everything that comes in goes to `peer`, no faster than it takes it, and is counted in `stats`. Does
   * nothing if this side is closed.
   */
  relayTo(peer: Side, stats: TargetStats): void;
  /** Sends FIN after all that was handed to this side. */
  finish(): void;
  /** Sends RST and forgets what was not sent yet. */
  abort(): void;
  /** SO_KEEPALIVE with this idle time. */
  keepAlive(idleMs: number): void;
}

/**
 * How an engine gets at TCP sockets. There are two ways that keep the same contract: `HandleSockets` is what runs where
 * Node.js has the handles as we know them, `StreamSockets` needs nothing but documented API and costs more.
 */
export interface Sockets {
  readonly name: string;
  /** Hands over the connections of a listening server. `failed`: accept(2) failed with this code. */
  accept(server: Server, accepted: (connection: object) => void, failed: (code: string) => void): void;
  /** A side for an accepted connection. It reads nothing before `readHead` or `relayTo`. */
  adopt(connection: object, init: SideInit): Side;
  /** A side that will connect. */
  create(init: SideInit): Side;
}
