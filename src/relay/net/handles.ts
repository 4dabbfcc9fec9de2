/**
 * The TCP handles below node:net. Node.js does not document them: this file is the only one that knows their shape, and
 * `loadHandles` says no where it is another one. (UDP has its own in `udp-direct.ts`.)
 *
 * Why at all: what node:net puts on top of a handle is a stream for each direction, and a relay uses nothing of it. What
 * that costs a connection, and an idle one in memory, is the column `bare` of `npm run bench -- --bare`.
 */
export interface TcpHandle {
  /** Called by the handle; what was read, or went wrong, is in `lastRead()`. May return the buffer for the next read. */
  onread: (this: TcpHandle) => Uint8Array | undefined;
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  writeBuffer(request: object, buffer: Uint8Array): number;
  shutdown(request: object): number;
  connect(request: object, address: string, port: number): number;
  connect6(request: object, address: string, port: number): number;
  close(): void;
  reset(): number;
  setNoDelay(on: boolean): number;
  setKeepAlive(on: boolean, idleSeconds: number): number;
  getpeername(out: Name): number;
  getsockname(out: Name): number;
}

export interface Name {
  address?: string;
  port?: number;
}

/** Lives as long as a write, shutdown or connect that was not done at once. */
export interface Request {
  oncomplete: (this: Request, status: number) => void;
  handle?: TcpHandle;
  /** Keeps the bytes of a write alive. */
  buffer?: Uint8Array;
}

export interface ListeningHandle {
  onconnection: (status: number, connection: TcpHandle | undefined) => void;
  setNoDelay(on: boolean): number;
}

export interface Handles {
  createTcp(): TcpHandle;
  createWrite(): Request;
  createShutdown(): Request;
  createConnect(): Request;
  /** In `onread`: how many bytes were read, or a negative error number. */
  lastRead(): number;
  /** After `writeBuffer`: whether a part of the bytes is still to be written. */
  lastWriteIsPending(): boolean;
}

/** UV_EOF, which libuv puts outside the range of error numbers. */
export const endOfFile = -4095;

interface TcpBinding {
  readonly TCP: new (kind: number) => TcpHandle;
  readonly TCPConnectWrap: new () => Request;
  readonly constants: { readonly SOCKET: number };
}

interface StreamBinding {
  readonly WriteWrap: new () => Request;
  readonly ShutdownWrap: new () => Request;
  readonly streamBaseState: { readonly [index: number]: number };
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
}

/** The handles of this Node.js, or `undefined` if it has others than those that we know. */
export function loadHandles(): Handles | undefined {
  try {
    const { binding } = process as unknown as { binding: (name: string) => unknown };
    return handlesOf(binding('tcp_wrap') as TcpBinding, binding('stream_wrap') as StreamBinding);
  } catch {
    return undefined;
  }
}

const methods = [
  'useUserBuffer',
  'readStart',
  'readStop',
  'writeBuffer',
  'shutdown',
  'connect',
  'connect6',
  'close',
  'reset',
  'setNoDelay',
  'setKeepAlive',
  'getpeername',
  'getsockname',
] as const;

function handlesOf(tcp: TcpBinding, stream: StreamBinding): Handles | undefined {
  const { TCP, TCPConnectWrap, constants } = tcp;
  const { WriteWrap, ShutdownWrap, streamBaseState: state, kReadBytesOrError, kLastWriteWasAsync } = stream;
  const prototype = TCP.prototype as Partial<TcpHandle>;
  const known =
    methods.every((name) => typeof prototype[name] === 'function') &&
    [TCPConnectWrap, WriteWrap, ShutdownWrap].every((wrap) => typeof wrap === 'function') &&
    [state[kReadBytesOrError], state[kLastWriteWasAsync], constants.SOCKET].every((each) => typeof each === 'number');
  if (!known) return undefined;
  return {
    createTcp: () => new TCP(constants.SOCKET),
    createWrite: () => new WriteWrap(),
    createShutdown: () => new ShutdownWrap(),
    createConnect: () => new TCPConnectWrap(),
    lastRead: () => state[kReadBytesOrError] ?? 0,
    lastWriteIsPending: () => state[kLastWriteWasAsync] !== 0,
  };
}
