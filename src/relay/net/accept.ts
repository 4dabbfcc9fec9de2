import type { Server } from 'node:net';
import { getSystemErrorName } from 'node:util';

/** An accepted connection. */
export interface ConnectionHandle {
  getpeername(out: { address?: string; port?: number }): number;
}

export interface AcceptInit {
  /** Gets the handle of each new connection and owns it from then on. */
  readonly accepted: (handle: ConnectionHandle) => void;
  /** accept(2) failed with this code, e.g. `EMFILE`. */
  readonly failed: (code: string) => void;
}

interface ServerHandle {
  onconnection: (status: number, handle: ConnectionHandle | undefined) => void;
  setNoDelay?: (on: boolean) => number;
}

/**
 * Takes a listening server's connections as bare handles, before node:net makes a stream of each.
 *
 * This and the `handle` option of net.Socket are the only places where sluice uses what Node.js does not document. The
 * public way ('connection' events) gives sockets that can only be read as streams, with a fresh 64 KiB buffer for every
 * read: it costs a third more per request. The tests run it on every supported Node.js; `listen` fails, rather than
 * the relay, where it does not fit.
 */
export function takeConnections(server: Server, { accepted, failed }: AcceptInit): void {
  const handle = (server as { _handle?: Partial<ServerHandle> })._handle;
  if (typeof handle?.onconnection !== 'function') throw new Error(`node:net of Node.js ${process.version} is unknown`);
  // Linux: accepted sockets inherit TCP_NODELAY from the listening one, which saves a system call for each.
  handle.setNoDelay?.(true);
  handle.onconnection = (status, connection) => {
    if (status !== 0 || connection === undefined) failed(getSystemErrorName(status));
    else accepted(connection);
  };
}

/** The address of the client, getpeername(2); empty if it has gone already. */
export function peerOf(handle: ConnectionHandle): { readonly address?: string; readonly port?: number } {
  const out = {};
  handle.getpeername(out);
  return out;
}
