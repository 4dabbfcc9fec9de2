import type { Server } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { HandleSide } from './handle-side.ts';
import type { Handles, ListeningHandle, TcpHandle } from './handles.ts';
import type { Side, SideInit, Sockets } from './side.ts';

/** TCP on bare handles: two reads and two writes for a request, and nothing in between. */
export class HandleSockets implements Sockets {
  readonly name = 'handles';
  readonly #handles: Handles;

  constructor(handles: Handles) {
    this.#handles = handles;
  }

  accept(server: Server, accepted: (connection: object) => void, failed: (code: string) => void): void {
    const { _handle: listening } = server as unknown as { readonly _handle: ListeningHandle };
    // Linux: accepted sockets inherit TCP_NODELAY from the listening one, which saves a system call for each.
    listening.setNoDelay(true);
    listening.onconnection = (status, connection) => {
      if (status !== 0 || connection === undefined) failed(getSystemErrorName(status));
      else accepted(connection);
    };
  }

  adopt(connection: object, init: SideInit): Side {
    const handle = connection as TcpHandle;
    if (!init.noDelay) handle.setNoDelay(false);
    return new HandleSide(handle, this.#handles, init);
  }

  create(init: SideInit): Side {
    const handle = this.#handles.createTcp();
    handle.setNoDelay(init.noDelay);
    return new HandleSide(handle, this.#handles, init);
  }
}
