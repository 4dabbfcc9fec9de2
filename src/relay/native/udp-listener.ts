import type { DropReason, EndReason } from '../../model/reason.ts';
import type { Target } from '../../model/target.ts';
import type { FlowView, Listener, ListenSpec, Router } from '../relay.ts';
import type { Watched } from '../sweeper.ts';
import { type UdpSession, udpFlow } from '../udp-session.ts';
import type { UdpShared } from '../udp-shared.ts';
import { type Addon, binding, type Instance, listenFlags } from './addon.ts';
import type { Cells } from './cells.ts';
import { refusalCode } from './events.ts';
import { networkBytes, socketAddress } from './socket-address.ts';
import { type NativeUdpHost, NativeUdpSession } from './udp-session.ts';

export interface NativeUdpInit {
  readonly addon: Addon;
  readonly instance: Instance;
  readonly shared: UdpShared;
  readonly cells: (slot: number) => Cells;
  /** SO_MARK of sockets to endpoints, socket(7); 0: none. */
  readonly mark: number;
  /** See `listenFlags`. */
  readonly rings: boolean;
}

/** One bound VIP:PORT as policy sees it; the addon moves the datagrams of its sessions. */
export class NativeUdpListener implements Listener, NativeUdpHost, Watched {
  /** Of the addon. */
  readonly id: number;
  readonly local: ListenSpec;
  readonly router: Router;
  readonly addon: Addon;
  readonly instance: Instance;
  readonly shared: UdpShared;
  readonly lane;
  readonly #cells: (slot: number) => Cells;
  readonly #sessions = new Set<UdpSession>();
  /** How many sessions use the socket that oneway sessions share, by its endpoint. */
  readonly #oneway = new Map<Target, number>();
  #trusted: readonly string[] = [];
  #stopped: Promise<void> | undefined;
  #closed: (() => void) | undefined;

  /** Binds exactly the address and port. Throws the system error. */
  constructor(local: ListenSpec, router: Router, init: NativeUdpInit) {
    const { addon, instance, shared, cells } = init;
    this.local = local;
    this.router = router;
    this.addon = addon;
    this.instance = instance;
    this.shared = shared;
    this.#cells = cells;
    this.id = listen(local, init);
    this.lane = shared.sessions.openLane(() => router.settings.udp.idleTimeoutMs);
    this.#configure();
  }

  get size(): number {
    return this.#sessions.size;
  }

  *flows(): Generator<FlowView> {
    const now = this.shared.clock.now();
    for (const session of this.#sessions) yield session.view(now);
  }

  cut(which: (target: Target | undefined) => boolean, reason: EndReason): void {
    for (const session of [...this.#sessions]) if (which(session.target)) session.end(reason, 'sluice');
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** See `Watched`: whom it trusts may change. */
  watch(): number | undefined {
    if (this.#stopped !== undefined) return undefined;
    this.#configure();
    return Number.POSITIVE_INFINITY;
  }

  /** Somebody new has sent a datagram, which waits. Returns his session and its slot, if he gets one. */
  asked(key: number, clientAddress: string, clientPort: number): [number, NativeUdpSession] | undefined {
    if (this.#stopped !== undefined) return undefined;
    const flow = udpFlow(clientAddress, clientPort);
    const admission = this.shared.admit(flow, this.router);
    if (admission.kind === 'drop') {
      this.addon.refuseUdp(this.instance, this.id, key, refusalCode(admission.reason));
      return undefined;
    }
    const slot = this.addon.admitUdp(this.instance, this.id, key);
    const init = { flow, target: admission.target, now: this.shared.clock.now(), slot, cells: this.#cells(slot) };
    const session = new NativeUdpSession(this, init);
    this.#sessions.add(session);
    this.shared.sessions.add(session);
    session.open();
    return [slot, session];
  }

  dropped(count: number, reason: DropReason): void {
    for (let left = count; left > 0; left -= 1) this.router.dropped(reason);
  }

  /** The addon has closed the socket. */
  closed(): void {
    this.#closed?.();
  }

  forget(session: UdpSession): void {
    this.#sessions.delete(session);
  }

  joinOneway(target: Target): boolean {
    const users = this.#oneway.get(target) ?? 0;
    if (users === 0 && !this.shared.descriptors.tryAcquire(1)) return false;
    this.#oneway.set(target, users + 1);
    return true;
  }

  leaveOneway(target: Target): void {
    const left = (this.#oneway.get(target) ?? 1) - 1;
    if (left > 0) {
      this.#oneway.set(target, left);
      return;
    }
    this.#oneway.delete(target);
    this.shared.descriptors.release(1);
  }

  #configure(): void {
    const { acceptProxyFrom } = this.router.settings.udp;
    if (acceptProxyFrom === this.#trusted || (acceptProxyFrom.length === 0 && this.#trusted.length === 0)) return;
    this.#trusted = acceptProxyFrom;
    this.addon.trustUdp(this.instance, this.id, networkBytes(acceptProxyFrom));
  }

  async #stop(): Promise<void> {
    for (const session of [...this.#sessions]) session.end('shutdown', 'sluice');
    this.lane.close();
    const closed = new Promise<void>((resolve) => {
      this.#closed = resolve;
    });
    this.addon.stopUdp(this.instance, this.id);
    await closed;
  }
}

function listen(local: ListenSpec, { addon, instance, shared, mark, rings }: NativeUdpInit): number {
  const { receiveBytes, sendBytes } = shared.bufferSizes;
  const granted = new Int32Array(2);
  const flags = (local.freeBind ? listenFlags.freeBind : 0) | (rings ? listenFlags.rings : 0);
  const address = socketAddress(local);
  const id = binding(() => addon.listenUdp(instance, address, receiveBytes, sendBytes, granted, flags, mark));
  const [receive = 0, send = 0] = granted;
  shared.granted({ receiveBytes: receive, sendBytes: send });
  return id;
}
