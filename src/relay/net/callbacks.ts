import type { Request, TcpHandle } from './handles.ts';

/** What a handle calls back for: the side that it belongs to. */
export interface CalledBack {
  /** Something came. Returns the buffer for the next read, if it is another one. */
  read(): Buffer | undefined;
  /** The rest of a write is sent, or could not be. */
  written(status: number): void;
  shutDown(): void;
  connected(status: number): void;
}

const sideKey = Symbol('side');
type SideHandle = TcpHandle & { [sideKey]: CalledBack };

/** The handle, and every request that names it, calls back for this side from now on. */
export function callBack(side: CalledBack, handle: TcpHandle): void {
  (handle as SideHandle)[sideKey] = side;
  handle.onread = onRead;
}

// One function each for all handles: the side is found through the handle that calls, or that the request names.

function onRead(this: TcpHandle): Uint8Array | undefined {
  return (this as SideHandle)[sideKey].read();
}

export function onWritten(this: Request, status: number): void {
  sideOf(this).written(status);
}

export function onShutDown(this: Request): void {
  sideOf(this).shutDown();
}

export function onConnected(this: Request, status: number): void {
  sideOf(this).connected(status);
}

function sideOf({ handle }: Request): CalledBack {
  return (handle as SideHandle)[sideKey];
}
