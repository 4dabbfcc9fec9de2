import { ipOfBytes } from '../../model/address-bytes.ts';
import type { Listener, ListenSpec, Router } from '../relay.ts';
import type { Sweeper } from '../sweeper.ts';
import { addressOffset, droppedFor, eventKind, isV6 } from './events.ts';
import { type NativeUdpInit, NativeUdpListener } from './udp-listener.ts';
import type { NativeUdpSession } from './udp-session.ts';

/** The UDP listeners and sessions of a native engine, by the numbers that the addon has for them. */
export class UdpPlane {
  readonly #init: NativeUdpInit;
  readonly #sweeper: Sweeper;
  readonly #listeners = new Map<number, NativeUdpListener>();
  readonly #sessions: (NativeUdpSession | undefined)[] = [];

  constructor(init: NativeUdpInit, sweeper: Sweeper) {
    this.#init = init;
    this.#sweeper = sweeper;
  }

  /** Throws the system error. */
  listen(spec: ListenSpec, router: Router): Listener {
    const listener = new NativeUdpListener(spec, router, this.#init);
    this.#listeners.set(listener.id, listener);
    this.#sweeper.add(listener);
    return listener;
  }

  settle(): void {
    for (const session of this.#sessions) session?.settle();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#listeners.values()].map((listener) => listener.stop()));
  }

  /** The event that begins with the number `at` of `events`. */
  handle(events: Int32Array, at: number): void {
    const [kind = 0, slot = 0, first = 0, second = 0] = events.subarray(at, at + 4);
    switch (kind) {
      case eventKind.udpAsked:
        this.#asked(slot, first, second, new Uint8Array(events.buffer, events.byteOffset + 4 * at + addressOffset, 16));
        return;
      case eventKind.udpReached:
        this.#sessions[slot]?.reachedBy(first === 1);
        return;
      case eventKind.udpFailed:
        this.#sessions[slot]?.failedWith(first);
        return;
      case eventKind.udpDropped:
        this.#listeners.get(first)?.dropped(slot, droppedFor(second));
        return;
      case eventKind.udpClosed:
        this.#sessions[slot]?.settle();
        this.#sessions[slot] = undefined;
        return;
      case eventKind.udpStopped:
        this.#listeners.get(first)?.closed();
        this.#listeners.delete(first);
        return;
      default:
        throw new Error(`the addon told ${kind}, which is unknown`);
    }
  }

  #asked(key: number, id: number, port: number, address: Uint8Array): void {
    const client = ipOfBytes(address.subarray(0, port >= isV6 ? 16 : 4));
    const made = this.#listeners.get(id)?.asked(key, client, port % isV6);
    if (made !== undefined) this.#sessions[made[0]] = made[1];
  }
}
