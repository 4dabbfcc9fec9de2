import type { Server, Socket } from 'node:net';
import { Socket as NetSocket } from 'node:net';
import { errorCode } from '../../base/errors.ts';
import type { TargetStats } from '../../model/target.ts';
import type { HeadReader, Remote, Side, SideInit, Sockets } from './side.ts';

/** TCP on net.Socket, with documented API only: what runs where the handles are not as we know them. */
export class StreamSockets implements Sockets {
  readonly name = 'streams';

  accept(server: Server, accepted: (connection: object) => void, failed: (code: string) => void): void {
    server.on('connection', accepted);
    server.on('error', (error) => failed(errorCode(error)));
  }

  adopt(connection: object, init: SideInit): Side {
    return new StreamSide(connection as Socket, init);
  }

  create(init: SideInit): Side {
    return new StreamSide(new NetSocket({ allowHalfOpen: true }), init);
  }
}

class StreamSide implements Side {
  readonly party;
  readonly #socket: Socket;
  readonly #init: SideInit;
  #peer: StreamSide | undefined;
  #finishing = false;
  #ended = false;
  /** The end has come while nothing was relayed yet, and nobody was told. */
  #endWaits = false;
  #hasHead = false;
  bytes = 0;

  constructor(socket: Socket, init: SideInit) {
    this.party = init.party;
    this.#socket = socket;
    this.#init = init;
    socket.setNoDelay(init.noDelay);
    socket.on('error', (error) => init.owner.sideFailed(this, errorCode(error)));
    socket.on('close', () => init.owner.sideClosed());
    socket.on('drain', () => this.#peer?.readOn());
    socket.on('end', () => this.#sawEnd());
  }

  remote(): Remote {
    const { remoteAddress, remotePort } = this.#socket;
    return remoteAddress === undefined || remotePort === undefined ? {} : { address: remoteAddress, port: remotePort };
  }

  /** A net.Socket learns it by reading only, and keeps the address that it was asked for once. */
  isReset(): boolean {
    return false;
  }

  connect(address: string, port: number): void {
    this.#socket.once('connect', () => this.#init.owner.sideConnected(this));
    this.#socket.connect({ host: address, port, autoSelectFamily: false });
  }

  isConnectedToItself(): boolean {
    const { localPort, remotePort, localAddress, remoteAddress } = this.#socket;
    return localPort === remotePort && localAddress === remoteAddress;
  }

  readHead(head: HeadReader): void {
    const read = (chunk: Buffer) => {
      const rest = head(chunk);
      if (rest === undefined || this.#socket.destroyed) return;
      this.#hasHead = true;
      this.#socket.off('data', read).pause();
      if (rest.length > 0) this.#socket.unshift(rest);
    };
    this.#socket.on('data', read).resume();
  }

  sendHead(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  relayTo(peer: Side, stats: TargetStats): void {
    if (!(peer instanceof StreamSide)) throw new TypeError('both sides of a connection are of one kind');
    if (this.#socket.destroyed) return;
    this.#peer = peer;
    const counter = this.party === 'client' ? 'bytesToEndpoint' : 'bytesFromEndpoint';
    this.#socket.on('data', (chunk) => {
      this.bytes += chunk.length;
      stats[counter] += chunk.length;
      if (!peer.#socket.write(chunk)) this.#socket.pause();
    });
    this.#socket.resume();
    if (this.#endWaits) this.#sawEnd();
  }

  finish(): void {
    if (this.#finishing || this.#socket.destroyed) return;
    this.#finishing = true;
    // Not `end()` behind pending writes: libuv cannot reset a socket that has a shutdown in its queue.
    if (this.#socket.writableLength > 0) this.#socket.write('', () => this.#sendEnd());
    else this.#sendEnd();
  }

  abort(): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (socket.connecting) socket.destroy();
    else if (socket.writableEnded && !socket.writableFinished) socket.once('finish', () => socket.resetAndDestroy());
    else socket.resetAndDestroy();
  }

  keepAlive(idleMs: number): void {
    this.#socket.setKeepAlive(true, idleMs);
  }

  readOn(): void {
    this.#socket.resume();
  }

  #sendEnd(): void {
    if (this.#ended) this.#socket.destroy();
    else this.#socket.end();
  }

  /**
   * libuv takes a reset that comes together with data for an end (`uv__stream_io`, POLLHUP after a partial read).
   * Before our FIN, writing nothing fails if it was a reset.
   */
  #sawEnd(): void {
    // A paused socket with nothing to give away ends all the same.
    this.#endWaits = this.#hasHead && this.#peer === undefined;
    if (this.#endWaits) return;
    this.#ended = true;
    const socket = this.#socket;
    if (socket.writableEnded || socket.writableLength > 0) this.#init.owner.sideEnded(this);
    else socket.write('', (error) => error || this.#init.owner.sideEnded(this));
  }
}
