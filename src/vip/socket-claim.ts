import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { errorCode, type Problem } from '../base/errors.ts';
import type { Claim } from './claim.ts';
import { askHolder, type Holder, heldProblem, ownHolder, type Word } from './holder.ts';

export interface SocketClaimInit {
  readonly clock: Clock;
  /** Nobody can be kept out: a socket cannot be had, by its errno. The claim is taken for this sluice's. */
  readonly onUnguarded: (code: string) => void;
  /** Default: `claimPath`. */
  readonly path?: string;
  /** What others are told. Default: this process. */
  readonly me?: Holder;
}

/**
 * A name of the abstract namespace, unix(7). It has the whole length of `sun_path`: Node.js 20 binds nothing shorter, later
 * versions bind what is said, and all of them must mean the same.
 */
export const claimPath = '\0sluice-vip'.padEnd(108, '\0');

/** Waiting, or asking; more are turned away. */
const mostPeers = 16;
/** What a process held goes piece by piece when it ends: the name may be the last. */
const goneMs = 50;
const mostTries = 3;

/**
 * A claim on one network namespace, which is what VIPs are in, too: whoever listens on the socket has it. The kernel ends
 * it with the process, however that ends, so there is none to be found stale, as a lock file would be. Everybody in the
 * namespace may listen on the name, so an unprivileged process can keep sluice waiting; it is told which one does.
 */
export class SocketClaim implements Claim {
  readonly #init: SocketClaimInit;
  readonly #path: string;
  #server: Server | undefined;
  #isUnguarded = false;
  readonly #peers = new Set<Socket>();
  readonly #line = new Set<Socket>();
  #onWanted: (() => void) | undefined;
  /** The place in another one's line. */
  #place: { readonly socket: Socket; readonly by: Holder | undefined } | undefined;

  constructor(init: SocketClaimInit) {
    this.#init = init;
    this.#path = init.path ?? claimPath;
  }

  async take(onFree?: () => void): Promise<Problem | undefined> {
    if (this.#server !== undefined || this.#isUnguarded) return undefined;
    if (this.#place?.socket.closed === false) return heldProblem(this.#place.by, 'next');
    const word = onFree === undefined ? 'who' : 'next';
    for (let tries = 1; tries <= mostTries; tries += 1) {
      if (await this.#listens()) return undefined;
      const asked = await askHolder(this.#path, word, this.#init.clock);
      if (asked.kind === 'gone') continue;
      if (onFree === undefined) asked.socket.destroy();
      else this.#waitIn(asked, onFree);
      return heldProblem(asked.by, word);
    }
    return heldProblem(undefined, word);
  }

  offer(onWanted: () => void): void {
    this.#onWanted = onWanted;
    if (this.#line.size > 0) onWanted();
  }

  release(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const peer of this.#peers) peer.destroy();
    this.#place?.socket.destroy();
    this.#place = undefined;
  }

  /** Whether it is this sluice's now. */
  async #listens(): Promise<boolean> {
    const code = await this.#listen();
    if (code === 'EADDRINUSE') return false;
    if (code !== undefined) {
      this.#isUnguarded = true;
      this.#init.onUnguarded(code);
    }
    return true;
  }

  #listen(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const server = createServer((peer) => this.#receive(peer));
      server.maxConnections = mostPeers;
      // Also of every connection that cannot be accepted (EMFILE).
      server.on('error', (error) => resolve(errorCode(error)));
      server.listen({ path: this.#path }, () => {
        this.#server = server.unref();
        resolve(undefined);
      });
    });
  }

  #receive(peer: Socket): void {
    this.#peers.add(peer.unref());
    peer
      .on('error', () => {})
      .once('close', () => {
        this.#peers.delete(peer);
        this.#line.delete(peer);
      });
    peer.setEncoding('utf8').once('data', (said) => this.#answer(peer, String(said) as Word));
  }

  /** Who gets it is not told whose it was: the end of the connection says enough. */
  #answer(peer: Socket, word: Word): void {
    if (word === 'next') this.#line.add(peer);
    if (word === 'next' && this.#onWanted !== undefined) this.#onWanted();
    else peer.write(JSON.stringify(this.#init.me ?? ownHolder()));
  }

  #waitIn(place: { readonly socket: Socket; readonly by: Holder | undefined }, onFree: () => void): void {
    this.#place = place;
    place.socket.once('close', () => {
      if (this.#place !== place) return;
      this.#place = undefined;
      this.#init.clock.after(goneMs, onFree);
    });
  }
}
