import { getSystemErrorName } from 'node:util';
import { type ConnectFailure, connectFailureOf } from '../../model/reason.ts';
import type { Target } from '../../model/target.ts';
import type { ListenSpec } from '../relay.ts';
import { UdpSession, type UdpSessionHost, type UdpSessionInit } from '../udp-session.ts';
import type { UdpShared } from '../udp-shared.ts';
import type { Addon, Instance } from './addon.ts';
import type { Cells } from './cells.ts';
import { clientSource, isNotKept, targetAddress } from './socket-address.ts';

/** What a session needs of the listener that it came in through. */
export interface NativeUdpHost extends UdpSessionHost {
  readonly addon: Addon;
  readonly instance: Instance;
  readonly shared: UdpShared;
  readonly local: ListenSpec;
  /** The sockets that oneway sessions share. False: no descriptor is left. */
  joinOneway(target: Target): boolean;
  leaveOneway(target: Target): void;
}

export interface NativeUdpSessionInit extends UdpSessionInit {
  readonly slot: number;
  readonly cells: Cells;
}

/** A session whose datagrams the addon moves; its cells say how many. */
export class NativeUdpSession extends UdpSession {
  readonly #host: NativeUdpHost;
  readonly #slot: number;
  readonly #cells: Cells;
  protected isDialled = false;
  /** What the target's counters have of this session. */
  readonly #settled = { bytesUp: 0, bytesDown: 0, datagramsUp: 0, datagramsDown: 0 };

  constructor(host: NativeUdpHost, init: NativeUdpSessionInit) {
    super(host, init);
    this.#host = host;
    this.#slot = init.slot;
    this.#cells = init.cells;
  }

  get lastActiveMs(): number {
    return this.#cells.lastActiveMs;
  }

  get established(): boolean {
    return this.#cells.isMarked;
  }

  protected get bytesFromClient(): number {
    return this.#cells.bytesFromClient;
  }

  protected get bytesFromEndpoint(): number {
    return this.#cells.bytesFromEndpoint;
  }

  open(): void {
    this.start();
  }

  /** The endpoint counts as reached. */
  reachedBy(reply: boolean): void {
    if (this.hasReached) return;
    if (reply) this.answered();
    else this.reached(0);
  }

  failedWith(errno: number): void {
    const code = getSystemErrorName(-errno);
    if (this.keepsClient && isNotKept(code)) this.giveUp('address-not-kept', 'sluice');
    else this.failed(failureOf(code), code);
  }

  /** Adds to the target's counters what has moved since the last time. */
  settle(): void {
    const { stats } = this.target;
    const { bytesFromClient, bytesFromEndpoint, datagramsFromClient, datagramsFromEndpoint } = this.#cells;
    stats.bytesToEndpoint += bytesFromClient - this.#settled.bytesUp;
    stats.bytesFromEndpoint += bytesFromEndpoint - this.#settled.bytesDown;
    stats.datagramsToEndpoint += datagramsFromClient - this.#settled.datagramsUp;
    stats.datagramsFromEndpoint += datagramsFromEndpoint - this.#settled.datagramsDown;
    this.#settled.bytesUp = bytesFromClient;
    this.#settled.bytesDown = bytesFromEndpoint;
    this.#settled.datagramsUp = datagramsFromClient;
    this.#settled.datagramsDown = datagramsFromEndpoint;
  }

  protected dial(target: Target): boolean {
    const { addon, instance, router, shared, local } = this.#host;
    if (!(this.oneway ? this.#host.joinOneway(target) : shared.acquire(this))) return false;
    this.isDialled = true;
    const prefix = router.settings.udp.sendProxy === 'off' ? undefined : this.proxyHeader(local);
    const source = this.keepsClient ? clientSource(this.flow, target) : undefined;
    addon.dialUdp(instance, this.#slot, targetAddress(target), prefix, this.oneway ? 1 : 0, source);
    return true;
  }

  protected leave(): void {
    this.settle();
    if (!this.isDialled) return;
    this.isDialled = false;
    if (this.oneway) this.#host.leaveOneway(this.target);
    else this.#host.shared.descriptors.release(1);
  }

  protected release(): void {
    this.#host.addon.releaseUdp(this.#host.instance, this.#slot);
  }

  protected close(again: boolean): void {
    this.#host.addon.closeUdp(this.#host.instance, this.#slot, again ? 1 : 0);
  }
}

function failureOf(code: string): ConnectFailure {
  // For connect(2) on a UDP socket, EAGAIN says that every ephemeral port is taken (ip(7)).
  return code === 'EAGAIN' ? 'ports-exhausted' : connectFailureOf(code);
}
