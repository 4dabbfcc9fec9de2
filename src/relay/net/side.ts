import type { SocketConstructorOpts } from 'node:net';
import { Socket } from 'node:net';
import type { Party } from '../../model/reason.ts';
import type { TargetStats } from '../../model/target.ts';
import type { BufferPool } from './buffers.ts';
import { bulkBytes, sharedBuffer } from './buffers.ts';

/** What a side tells its connection. `closed` comes exactly once, after everything else. */
export interface SideOwner {
  sideConnected(side: Side): void;
  sideEnded(side: Side): void;
  sideFailed(side: Side, error: unknown): void;
  sideClosed(): void;
}

export interface SideInit {
  readonly owner: SideOwner;
  readonly party: Exclude<Party, 'sluice'>;
  readonly pool: BufferPool;
  /** The accepted connection; absent: a socket that will connect. */
  readonly handle?: object;
}

/** The answer of the next call of `nextBuffer`: `undefined` keeps the buffer that the socket has. */
let answer: Buffer | undefined = sharedBuffer;

/**
 * `onread` of net.Socket: chunks come to a callback in a buffer of ours, without a stream in between. Node asks for a
 * buffer once when a socket starts, which is the shared one, and after every chunk.
 */
const onread = {
  buffer(): Buffer | undefined {
    const buffer = answer;
    answer = sharedBuffer;
    return buffer;
  },
  callback(this: Side, size: number, buffer: Buffer): boolean {
    answer = undefined;
    return this.received(size, buffer);
  },
};

class ResetError extends Error {
  readonly code = 'ECONNRESET';
}

/** One of the two sockets of a connection, and one direction of bytes: from this socket to `peer`. */
export class Side extends Socket {
  readonly party: Exclude<Party, 'sluice'>;
  readonly #owner: SideOwner;
  readonly #pool: BufferPool;
  #peer: Side | undefined;
  #stats: TargetStats | undefined;
  /** True while reading stands still because `peer` takes no more. */
  #held = false;
  /** Our FIN is sent, or about to be. */
  #finishing = false;
  /** Their FIN has come. */
  #ended = false;
  /** Bytes read so far. */
  bytes = 0;

  constructor({ owner, party, pool, handle }: SideInit) {
    super({
      ...(handle === undefined ? {} : { handle, pauseOnCreate: true }),
      allowHalfOpen: true,
      readable: true,
      writable: true,
      writableHighWaterMark: bulkBytes,
      onread,
    } as SocketConstructorOpts);
    this.#owner = owner;
    this.party = party;
    this.#pool = pool;
  }

  /** From now on everything that comes in goes to `peer` and is counted in `stats`. */
  relayTo(peer: Side, stats: TargetStats): void {
    this.#peer = peer;
    this.#stats = stats;
    this.resume();
  }

  /** One chunk came in, in `buffer`. Returns false to stop reading until `peer` has drained. */
  received(size: number, buffer: Buffer): boolean {
    const peer = this.#peer;
    if (peer === undefined) return false;
    this.#count(size);
    const chunk = size < bulkBytes ? this.#small(size, buffer) : this.#bulk(size, buffer);
    // `write` says false for any bulk chunk; only if some of it is still here does the reader have to wait.
    if (peer.write(chunk) || peer.writableLength === 0) return true;
    this.#held = true;
    return false;
  }

  /** Sends FIN after all that was written. */
  finish(): void {
    if (this.#finishing || this.destroyed) return;
    this.#finishing = true;
    // Not `end()` at once: libuv cannot reset a socket that has a shutdown queued behind its data.
    if (this.writableLength > 0) this.write(nothing, () => this.#sendEnd());
    else this.#sendEnd();
  }

  /** With nothing left to read, close(2) sends the FIN and saves a shutdown(2). */
  #sendEnd(): void {
    if (this.#ended) this.destroy();
    else this.end();
  }

  /** Sends RST and forgets what was not sent yet. */
  abort(): void {
    if (this.destroyed) return;
    if (this.connecting) this.destroy();
    else if (this.writableEnded && !this.writableFinished) this.once('finish', () => this.resetAndDestroy());
    else this.resetAndDestroy();
  }

  #count(size: number): void {
    this.bytes += size;
    if (this.#stats === undefined) return;
    if (this.party === 'client') this.#stats.bytesToEndpoint += size;
    else this.#stats.bytesFromEndpoint += size;
  }

  /** A copy of a small chunk; a bulk socket becomes a quiet one. */
  #small(size: number, buffer: Buffer): Buffer {
    if (buffer !== sharedBuffer) {
      this.#pool.give(buffer);
      answer = sharedBuffer;
    }
    const chunk = Buffer.allocUnsafe(size);
    buffer.copy(chunk, 0, 0, size);
    return chunk;
  }

  /** A large chunk as it is; a quiet socket becomes a bulk one. The buffer is free again when `peer` has drained. */
  #bulk(size: number, buffer: Buffer): Buffer {
    if (buffer !== sharedBuffer) return buffer.subarray(0, size);
    const own = this.#pool.take();
    buffer.copy(own, 0, 0, size);
    answer = own;
    return own.subarray(0, size);
  }

  /**
   * What the socket has to tell. One method instead of five listeners: those would be looked up, and kept, for every
   * connection.
   */
  override emit(event: string | symbol, ...values: unknown[]): boolean {
    if (event === 'error') {
      this.#owner.sideFailed(this, values[0]);
      return true;
    }
    const heard = super.emit(event, ...values);
    if (event === 'connect') this.#owner.sideConnected(this);
    else if (event === 'end') this.#onEnd();
    else if (event === 'close') this.#owner.sideClosed();
    // What this socket had to send is sent: the peer, who fills it, may read on.
    else if (event === 'drain') this.#peer?.readOn();
    return heard;
  }

  #onEnd(): void {
    this.#ended = true;
    if (this.#isReset()) this.destroy(new ResetError());
    else this.#owner.sideEnded(this);
  }

  /**
   * libuv takes a reset that arrives together with data for an end (`uv__stream_io`, POLLHUP after a partial read). A
   * socket that was only ended by its peer still has a peer; a reset one has not (getpeername(2), ENOTCONN). Once we
   * have finished too there is no peer either way, and an end it is.
   */
  #isReset(): boolean {
    return !this.writableEnded && this.remoteAddress === undefined;
  }

  readOn(): void {
    if (!this.#held) return;
    this.#held = false;
    this.resume();
  }
}

const nothing = Buffer.alloc(0);
