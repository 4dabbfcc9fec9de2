import { getSystemErrorName } from 'node:util';
import type { TargetStats } from '../../model/target.ts';
import { bulkBytes, sharedBuffer } from './buffers.ts';
import { type CalledBack, callBack, onConnected, onShutDown, onWritten } from './callbacks.ts';
import type { Handles, Name, Request, TcpHandle } from './handles.ts';
import { endOfFile } from './handles.ts';
import type { HeadReader, Side, SideInit } from './side.ts';

/** Most writes are done at once and leave their request as it was: it serves the next one, of any side. */
let spareWrite: Request | undefined;

/** One of the two sockets of a connection, on a bare handle. */
export class HandleSide implements Side, CalledBack {
  readonly party;
  readonly #handle: TcpHandle;
  readonly #handles: Handles;
  readonly #init: SideInit;
  #peer: HandleSide | undefined;
  #stats: TargetStats | undefined;
  #head: HeadReader | undefined;
  /** What the head reader left over, until it is relayed. */
  #rest: Buffer | undefined;
  /** Where the next read goes. */
  #buffer = sharedBuffer;
  /** Reading stands still because the peer takes no more. */
  #held = false;
  /** Not connected yet, and for ever if that fails: there may be no descriptor (EMFILE), and no close after a reset. */
  #connecting = false;
  /** Part of a write is not sent yet; there is never more than one write. */
  #writing = false;
  #wantsFinish = false;
  /** shutdown(2) is under way: libuv can neither reset nor forget the socket before it is done. */
  #shutting = false;
  #wantsAbort = false;
  /** Data came after our FIN, in this turn of the event loop, see `#doubtsEnd`. */
  #fresh = false;
  /** Our FIN is sent; theirs has come. */
  #finished = false;
  #ended = false;
  #closed = false;
  bytes = 0;

  constructor(handle: TcpHandle, handles: Handles, init: SideInit) {
    this.party = init.party;
    this.#handle = handle;
    this.#handles = handles;
    this.#init = init;
    callBack(this, handle);
  }

  remote(): Name {
    return nameOf(this.#handle, 'getpeername');
  }

  isReset(): boolean {
    return this.remote().address === undefined;
  }

  connect(address: string, port: number): void {
    const request = this.#handles.createConnect();
    request.oncomplete = onConnected;
    request.handle = this.#handle;
    this.#connecting = true;
    const status = address.includes(':')
      ? this.#handle.connect6(request, address, port)
      : this.#handle.connect(request, address, port);
    // Always later: an owner that tries the next endpoint at once would otherwise call deeper and deeper.
    if (status !== 0) process.nextTick(() => this.connected(status));
  }

  connected(status: number): void {
    if (this.#closed) return;
    if (status === 0) {
      this.#connecting = false;
      this.#init.owner.sideConnected(this);
    } else this.#failed(status);
  }

  isConnectedToItself(): boolean {
    const [here, there] = [nameOf(this.#handle, 'getsockname'), nameOf(this.#handle, 'getpeername')];
    return here.port === there.port && here.address === there.address;
  }

  readHead(head: HeadReader): void {
    this.#head = head;
    this.#handle.useUserBuffer(sharedBuffer);
    this.#handle.readStart();
  }

  sendHead(bytes: Buffer): void {
    this.#write(bytes);
  }

  relayTo(peer: Side, stats: TargetStats): void {
    if (!(peer instanceof HandleSide)) throw new TypeError('both sides of a connection are of one kind');
    if (this.#closed) return;
    this.#peer = peer;
    this.#stats = stats;
    if (this.#head === undefined) this.#handle.useUserBuffer(sharedBuffer);
    this.#held = true;
    // The peer may still be writing its head; it calls `readOn` then.
    if (!peer.#writing) this.readOn();
  }

  finish(): void {
    if (this.#closed || this.#finished) return;
    // Not behind a pending write: a socket with a shutdown in its queue cannot be reset.
    if (this.#writing) this.#wantsFinish = true;
    // With nothing left to read, close(2) sends the FIN and saves a shutdown(2).
    else if (this.#ended) this.#close();
    else this.#shutdown();
  }

  abort(): void {
    if (this.#shutting && !this.#closed) this.#wantsAbort = true;
    else this.#close(!this.#connecting);
  }

  keepAlive(idleMs: number): void {
    if (!this.#closed) this.#handle.setKeepAlive(true, Math.max(1, Math.round(idleMs / 1000)));
  }

  read(): Buffer | undefined {
    const size = this.#handles.lastRead();
    if (size > 0) return this.#received(size);
    if (size === endOfFile) this.#sawEnd();
    else if (size < 0) this.#failed(size);
    return undefined;
  }

  #received(size: number): Buffer | undefined {
    const peer = this.#peer;
    if (peer === undefined || this.#closed) return this.#early(size);
    this.#count(size);
    if (this.#finished) this.#freshen();
    const before = this.#buffer;
    if (!peer.#write(size < bulkBytes ? this.#small(size) : this.#bulk(size))) this.#hold();
    return this.#buffer === before ? undefined : this.#buffer;
  }

  #early(size: number): undefined {
    if (this.#closed) return;
    const rest = this.#head?.(sharedBuffer.subarray(0, size));
    if (rest === undefined || this.#closed) return;
    this.#handle.readStop();
    if (rest.length > 0) this.#rest = rest;
  }

  /** The end of the stream, or what libuv takes for one. */
  #sawEnd(): void {
    if (this.#closed || this.#doubtsEnd()) return;
    this.#ended = true;
    this.#init.owner.sideEnded(this);
    // A shutdown that is still under way is not waited for: close(2) sends the FIN as well.
    if (this.#finished) this.#close();
  }

  written(status: number): void {
    this.#writing = false;
    if (this.#closed) return;
    if (status !== 0) this.#failed(status);
    else if (this.#wantsFinish) this.finish();
    else this.#peer?.readOn();
  }

  shutDown(): void {
    this.#shutting = false;
    if (this.#wantsAbort) this.abort();
  }

  #failed(status: number): void {
    if (this.#closed) return;
    this.#init.owner.sideFailed(this, getSystemErrorName(status));
    this.#close();
  }

  /** libuv closes the descriptor at once; what it does later is its own, and a callback for that is not free. */
  #close(reset = false): void {
    if (this.#closed) return;
    this.#closed = true;
    if (reset) this.#handle.reset();
    else this.#handle.close();
    this.#init.owner.sideClosed();
  }

  #shutdown(): void {
    this.#finished = true;
    const request = this.#handles.createShutdown();
    request.oncomplete = onShutDown;
    request.handle = this.#handle;
    this.#shutting = this.#handle.shutdown(request) === 0;
  }

  /** True if all of `chunk` is sent; false: `written` follows, and nothing may be written before. */
  #write(chunk: Buffer): boolean {
    if (this.#closed) return true;
    const request = spareWrite ?? this.#handles.createWrite();
    spareWrite = request;
    const status = this.#handle.writeBuffer(request, chunk);
    if (status !== 0) this.#failed(status);
    else if (this.#handles.lastWriteIsPending()) this.#writeOn(request, chunk);
    return !this.#writing;
  }

  #writeOn(request: Request, chunk: Buffer): void {
    spareWrite = undefined;
    this.#writing = true;
    request.oncomplete = onWritten;
    request.handle = this.#handle;
    request.buffer = chunk;
  }

  #hold(): void {
    if (this.#closed) return;
    this.#held = true;
    this.#handle.readStop();
  }

  /** The peer has sent what held this side back. */
  readOn(): void {
    if (!this.#held || this.#closed) return;
    this.#held = false;
    if (this.#rest === undefined || this.#relayRest(this.#rest)) this.#handle.readStart();
  }

  #relayRest(rest: Buffer): boolean {
    this.#rest = undefined;
    this.#count(rest.length);
    this.#held = this.#peer !== undefined && !this.#peer.#write(rest);
    return !this.#held && !this.#closed;
  }

  #freshen(): void {
    if (this.#fresh) return;
    this.#fresh = true;
    setImmediate(() => {
      this.#fresh = false;
    });
  }

  #count(size: number): void {
    this.bytes += size;
    if (this.#stats === undefined) return;
    if (this.party === 'client') this.#stats.bytesToEndpoint += size;
    else this.#stats.bytesFromEndpoint += size;
  }

  /** A copy of a small chunk; a bulk socket becomes a quiet one. */
  #small(size: number): Buffer {
    const chunk = Buffer.allocUnsafe(size);
    this.#buffer.copy(chunk, 0, 0, size);
    if (this.#buffer !== sharedBuffer) this.#init.pool.give(this.#buffer);
    this.#buffer = sharedBuffer;
    return chunk;
  }

  /** A large chunk where it is; a quiet socket becomes a bulk one. The buffer is free again when all of it is sent. */
  #bulk(size: number): Buffer {
    if (this.#buffer === sharedBuffer) {
      this.#buffer = this.#init.pool.take();
      sharedBuffer.copy(this.#buffer, 0, 0, size);
    }
    return this.#buffer.subarray(0, size);
  }

  /**
   * libuv takes a reset that comes together with data for an end (`uv__stream_io`, POLLHUP after a partial read). Before
   * our FIN, writing nothing fails if it was a reset; after it, only a second read tells: it fails, or it ends again.
   */
  #doubtsEnd(): boolean {
    if (!this.#finished) {
      if (!this.#writing) this.#write(nothing);
      return this.#closed;
    }
    if (!this.#fresh) return false;
    this.#fresh = false;
    return this.#handle.readStart() === 0;
  }
}

const nothing = Buffer.alloc(0);

function nameOf(handle: TcpHandle, which: 'getpeername' | 'getsockname'): Name {
  const name: Name = {};
  handle[which](name);
  return name;
}
