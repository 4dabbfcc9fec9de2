import type { Clock, Timer } from '../base/clock.ts';
import type { Channel } from './log-channel.ts';

export interface LogWriterInit {
  /** Opens the destination; called again after it has failed. It may throw. */
  readonly open: () => Channel;
  readonly clock: Clock;
  /** The most text that waits to be written, in bytes. Lines beyond are dropped and counted. */
  readonly limitBytes: number;
}

/** One write takes no more than this: what a pipe holds by default (pipe(7)). */
const chunkBytes = 64 * 1024;
/** How long a destination that failed (ENOSPC, EPIPE, EAGAIN) is left alone. */
const retryMs = 250;

/**
 * Takes lines at any time, writes them when the destination can take them, and gives up lines rather than wait: it
 * never blocks, never throws, and never holds more than its limit.
 *
 * ```
 *   write(line) ──► #lines ──► #chunk ──► channel
 *        └─ over the limit: dropped
 * ```
 */
export class LogWriter {
  readonly #init: LogWriterInit;
  #channel: Channel | undefined;
  #lines: string[] = [];
  /** What is being written: whole lines, but for a head that is out already. */
  #chunk: Buffer | undefined;
  #heldBytes = 0;
  #busy = false;
  #closed = false;
  #dropped = 0;
  #timer: Timer | undefined;
  #waiters: (() => void)[] = [];

  constructor(init: LogWriterInit) {
    this.#init = init;
  }

  /** Lines that were given up, ever. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Text that waits to be written, in bytes. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#closed || this.#heldBytes + bytes > this.#init.limitBytes) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#heldBytes += bytes;
    if (this.#busy) return;
    this.#busy = true;
    // All lines of one turn of the event loop go out in one write.
    setImmediate(() => this.#advance());
  }

  /** Resolves with true once all lines are out, with false if `timeoutMs` pass first. */
  flush(timeoutMs: number): Promise<boolean> {
    if (!this.#busy) return Promise.resolve(true);
    return new Promise((resolve) => {
      // Not the clock's timer, which lets the process end: whoever waits for the log wants the answer.
      const timer = setTimeout(() => settle(false), timeoutMs);
      const settle = (all: boolean) => {
        clearTimeout(timer);
        this.#waiters = this.#waiters.filter((waiter) => waiter !== done);
        resolve(all);
      };
      const done = () => settle(true);
      this.#waiters.push(done);
    });
  }

  /** Flushes, then lets go of the destination. Lines that come later are dropped. */
  async close(timeoutMs: number): Promise<boolean> {
    const all = await this.flush(timeoutMs);
    this.#closed = true;
    this.#timer?.cancel();
    this.#dropped += this.#lines.length + linesIn(this.#chunk);
    this.#channel?.close();
    this.#channel = undefined;
    return all;
  }

  #advance(): void {
    if (this.#closed) return;
    this.#chunk ??= this.#nextChunk();
    if (this.#chunk === undefined) {
      this.#busy = false;
      for (const done of this.#waiters) done();
      return;
    }
    try {
      this.#channel ??= this.#init.open();
      this.#channel.write(this.#chunk, (error, written) => this.#wrote(error, written));
    } catch {
      this.#fail();
    }
  }

  #nextChunk(): Buffer | undefined {
    if (this.#lines.length === 0) return undefined;
    let bytes = 0;
    let count = 0;
    for (const line of this.#lines) {
      bytes += Buffer.byteLength(line);
      if (count > 0 && bytes > chunkBytes) break;
      count += 1;
    }
    return Buffer.from(this.#lines.splice(0, count).join(''));
  }

  #wrote(error: Error | null, written: number): void {
    if (this.#closed || this.#chunk === undefined) return;
    this.#heldBytes -= written;
    const rest = this.#chunk.subarray(written);
    this.#chunk = rest.length === 0 ? undefined : rest;
    if (error === null) this.#advance();
    else this.#fail();
  }

  /** The destination is opened anew after a while: a disk has room again, a FIFO another reader. */
  #fail(): void {
    this.#channel?.close();
    this.#channel = undefined;
    this.#timer = this.#init.clock.after(retryMs, () => this.#advance());
  }
}

function linesIn(chunk: Buffer | undefined): number {
  if (chunk === undefined) return 0;
  return chunk.reduce((count, byte) => count + (byte === 0x0a ? 1 : 0), 0);
}
