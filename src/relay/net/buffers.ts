/**
 * Where sockets read to.
 *
 * ```
 *   quiet socket:  kernel ─► shared buffer ─► small copy ─► write       no memory of its own
 *   bulk socket:   kernel ─► its own buffer ──────────────► write       one buffer a direction, no copy
 * ```
 *
 * A chunk is handed on before the next read, so all quiet sockets share one buffer; what is written is a copy, because
 * the kernel may take only a part of it now. Copying is cheap for small chunks and is not for large ones: a socket that
 * fills `bulkBytes` at once gets a buffer of its own, and loses it with its first small chunk.
 */

/** A read of this size or more is bulk. It is also the write buffer's high-water mark, see `Side`. */
export const bulkBytes = 16 * 1024;

const sharedBytes = 64 * 1024;
export const sharedBuffer: Buffer = Buffer.allocUnsafeSlow(sharedBytes);

/** Keeps a few buffers of one size for the next bulk socket: allocating megabytes per switch would cost more than it moves. */
export class BufferPool {
  readonly bytes: number;
  readonly #free: Buffer[] = [];
  readonly #most: number;

  constructor(bytes: number, most = 32) {
    this.bytes = bytes;
    this.#most = most;
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.bytes);
  }

  give(buffer: Buffer): void {
    if (buffer.length === this.bytes && this.#free.length < this.#most) this.#free.push(buffer);
  }
}
