import { closeSync, constants, fstatSync, openSync, type Stats, write } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { isatty } from 'node:tty';

/** The descriptor of standard output. */
export const standardOutput = 1;

/** `error`: the first `written` bytes went out, the rest did not. */
export type Written = (error: Error | null, written: number) => void;

/** One open destination for log text. One write at a time: the next begins after `done`. */
export interface Channel {
  write(chunk: Buffer, done: Written): void;
  /** Frees what the channel opened itself. It does not wait; a write under way may never be reported. */
  close(): void;
}

/**
 * A channel to a file descriptor on which no write ever blocks the event loop or, where the kernel allows it, a thread:
 * a thread of the pool that hangs in write(2) would hang `process.exit` too, because Node.js joins it.
 *
 * - pipe: a socket handle on a description of its own (see `reopen`), so that epoll says when there is room;
 * - socket (systemd's journal, a parent that is Node.js): a socket handle;
 * - terminal: non-blocking writes in the thread pool, so that Ctrl-S stops neither traffic nor the exit;
 * - file or other device: writes in the thread pool. A disk is slow, but it answers.
 */
export function openChannel(fd: number): Channel {
  const stat = fstatSync(fd);
  if (stat.isFIFO() || stat.isSocket()) return openStream(fd, stat);
  const own = isatty(fd) ? reopen(fd) : undefined;
  return new FileChannel(own ?? fd, own !== undefined);
}

function openStream(fd: number, stat: Stats): Channel {
  const own = stat.isFIFO() ? reopen(fd) : undefined;
  if (own !== undefined) return new SocketChannel(new Socket({ fd: own, readable: false, writable: true }));
  return new SocketChannel(sharedSocket(fd));
}

/**
 * A new description of the same pipe or terminal, which can be non-blocking without making everybody else's
 * non-blocking (O_NONBLOCK belongs to the description, which a shell shares with all that it starts: open(2)).
 * `undefined`: not permitted, no /proc, or a pipe that nobody reads (ENXIO).
 */
function reopen(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
}

/**
 * Standard output may have a handle in this process already, and epoll takes a descriptor once. It is not touched before
 * it is needed: the first look at `process.stdout` makes a pipe non-blocking for everybody who shares it.
 */
function sharedSocket(fd: number): Writable {
  return fd === standardOutput ? process.stdout : new Socket({ fd, readable: false, writable: true });
}

/** Sockets whose errors are listened for: the same one is opened again after each failure. */
const guarded = new WeakSet<Writable>();

class SocketChannel implements Channel {
  readonly #socket: Writable;

  constructor(socket: Writable) {
    this.#socket = socket;
    // The callback of write() has the error; without a listener the same error would end the process.
    if (!guarded.has(socket)) socket.on('error', () => {});
    guarded.add(socket);
  }

  write(chunk: Buffer, done: Written): void {
    this.#socket.write(chunk, (error) => done(error ?? null, error ? 0 : chunk.length));
  }

  /** Standard output's own socket is never destroyed: Node.js makes that call do nothing. */
  close(): void {
    this.#socket.destroy();
  }
}

class FileChannel implements Channel {
  readonly #fd: number;
  readonly #own: boolean;
  #busy = false;
  #closed = false;

  constructor(fd: number, own: boolean) {
    this.#fd = fd;
    this.#own = own;
  }

  write(chunk: Buffer, done: Written): void {
    this.#busy = true;
    write(this.#fd, chunk, 0, chunk.length, null, (error, written) => {
      this.#busy = false;
      if (this.#closed) this.#free();
      done(error, written);
    });
  }

  close(): void {
    this.#closed = true;
    if (!this.#busy) this.#free();
  }

  /** Only between writes: the number of a closed descriptor may be a client's connection a moment later. */
  #free(): void {
    if (this.#own) closeSync(this.#fd);
  }
}
