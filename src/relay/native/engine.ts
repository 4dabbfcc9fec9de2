import { setImmediate as nextTurn } from 'node:timers/promises';
import { getSystemErrorName } from 'node:util';
import { Calm } from '../../base/calm.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { Deadlines } from '../deadlines.ts';
import type { DescriptorBudget } from '../descriptors.ts';
import type { Listener, ListenSpec, RelayEngine, Router } from '../relay.ts';
import { Sweeper } from '../sweeper.ts';
import { type UdpInit, UdpShared } from '../udp-shared.ts';
import type { Addon, Instance } from './addon.ts';
import { Cells, flowsPerBlock } from './cells.ts';
import { endings, eventKind, eventsPerCall, numbersPerEvent, parties } from './events.ts';
import { Ledger } from './ledger.ts';
import type { NativeTcpFlow } from './tcp-flow.ts';
import type { TcpShared } from './tcp-host.ts';
import { NativeTcpListener } from './tcp-listener.ts';
import { UdpPlane } from './udp-plane.ts';

export interface NativeEngineInit {
  readonly addon: Addon;
  readonly clock: Clock;
  readonly descriptors: DescriptorBudget;
  /** Relay threads; 0: the event loop relays. */
  readonly threads: number;
  /** The size of one read of what is not bulk, and so the most that is held for one direction. Default: 32 KiB. */
  readonly bufferBytes?: number;
  /** Pipes for bulk streams that each thread may make. Default: 32. */
  readonly mostPipes?: number;
  /** See `Addon.create`. Default: 8, more than a question and its answer take. */
  readonly turnsAtHome?: number;
  readonly tcp: {
    /** Length of the queue of connections that wait for accept(2), see listen(2); the kernel caps it at `somaxconn`. */
    readonly backlog: number;
  };
  /** SO_MARK of sockets to endpoints, socket(7). Default: 0, none. */
  readonly mark?: number;
  readonly udp: Omit<UdpInit, 'clock' | 'descriptors'>;
  /** Send by io_uring(7) where the kernel has it and this process may use it. Default: true. */
  readonly rings?: boolean;
  /** One number, which has the time of a `clock` that does not run by itself; for tests. */
  readonly time?: Float64Array;
}

/** As `Addon.create` takes it: more than the connections that are ready at once mostly have sent. */
const outboxBytes = 64 * 1024;

/** How long nobody is accepted after accept(2) has failed, mostly for want of descriptors or memory. */
const restMs = 100;

/** The relay engine below JavaScript: epoll(7), splice(2) and threads in an addon, which asks here who gets what. */
export class NativeEngine implements RelayEngine {
  readonly name = 'native';
  readonly reservedDescriptors: number;
  readonly #addon: Addon;
  readonly #instance: Instance;
  readonly #events = new Int32Array(eventsPerCall * numbersPerEvent);
  readonly #blocks: Float64Array[] = [];
  readonly #tcpFlows: (NativeTcpFlow | undefined)[] = [];
  readonly #tcpListeners = new Map<number, NativeTcpListener>();
  readonly #tcp: TcpShared<NativeTcpFlow>;
  readonly #sweeper: Sweeper;
  readonly #udp: UdpPlane;
  /** Connections make and leave free memory, in this thread and in those of V8, which malloc(3) would keep for good. */
  readonly #calm: Calm;
  /** Listeners for which accept(2) has failed. */
  readonly #resting = new Set<number>();
  #wakeup: Timer | undefined;
  /** Flows that have not been told to be closed. */
  #live = 0;
  #allGone: (() => void) | undefined;
  #isClosed = false;

  constructor({
    addon,
    clock,
    descriptors,
    threads,
    bufferBytes = 32 * 1024,
    mostPipes = 32,
    mark = 0,
    turnsAtHome = 8,
    rings = true,
    tcp,
    udp,
    time,
  }: NativeEngineInit) {
    this.#addon = addon;
    this.#instance = addon.create(
      this,
      this.#events,
      threads,
      bufferBytes,
      mostPipes,
      turnsAtHome,
      rings ? outboxBytes : 0,
      clock.now(),
      time,
    );
    this.reservedDescriptors = 2 * mostPipes * (threads + 1) + mostRings(threads);
    const dialing = new Deadlines<NativeTcpFlow>(clock);
    const cells = (slot: number) => this.#cells(slot);
    this.#tcp = {
      cells,
      ledger: new Ledger(),
      addon,
      instance: this.#instance,
      clock,
      descriptors,
      dialing,
      backlog: tcp.backlog,
      mark,
    };
    this.#sweeper = new Sweeper(clock);
    this.#calm = new Calm(clock, () => addon.trim());
    const shared = new UdpShared({ ...udp, clock, descriptors });
    this.#udp = new UdpPlane({ addon, instance: this.#instance, shared, cells, mark, rings }, this.#sweeper);
  }

  async listen(spec: ListenSpec, router: Router): Promise<Listener> {
    if (spec.protocol === 'UDP') return this.#udp.listen(spec, router);
    const onEmpty = (id: number) => this.#tcpListeners.delete(id);
    const listener = new NativeTcpListener(spec, router, { ...this.#tcp, onEmpty });
    this.#tcpListeners.set(listener.id, listener);
    this.#sweeper.add(listener);
    return listener;
  }

  settle(): void {
    for (const listener of this.#tcpListeners.values()) listener.settle();
    this.#udp.settle();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const listener of this.#tcpListeners.values()) listener.cut(() => true, 'shutdown');
    await Promise.all([this.#udp.close(), this.#gone()]);
    // Not from under the addon's own call.
    await nextTurn();
    this.#addon.close(this.#instance);
  }

  /** See `InstanceOwner`. */
  onCells(cells: ArrayBuffer): void {
    this.#blocks.push(new Float64Array(cells));
  }

  /** See `InstanceOwner`. */
  onEvents(count: number): void {
    const events = this.#events;
    for (let at = 0; at < count * numbersPerEvent; at += numbersPerEvent) {
      const kind = events[at] ?? 0;
      if (kind >= eventKind.udpAsked) this.#udp.handle(events, at);
      else this.#handle(kind, events[at + 1] ?? 0, events[at + 2] ?? 0, events[at + 3] ?? 0);
    }
  }

  #handle(kind: number, slot: number, first: number, second: number): void {
    switch (kind) {
      case eventKind.accepted:
        this.#live += 1;
        this.#calm.note();
        this.#tcpFlows[slot] = this.#tcpListeners.get(first)?.accepted(slot, second);
        return;
      case eventKind.connected:
        this.#tcpFlows[slot]?.connected();
        return;
      case eventKind.connectFailed:
        this.#tcpFlows[slot]?.dialFailed(errorName(first));
        return;
      case eventKind.head:
        this.#tcpFlows[slot]?.headCame(first === 1);
        return;
      case eventKind.closed: {
        const flow = this.#tcpFlows[slot];
        this.#tcpFlows[slot] = undefined;
        flow?.closed(endings[first] ?? 'error', parties[second] ?? 'sluice');
        this.#left();
        return;
      }
      case eventKind.acceptFailed:
        this.#rest(first, errorName(second));
        return;
      default:
        throw new Error(`the addon told ${kind}, which is unknown`);
    }
  }

  /** Nobody is accepted there until a flow has left its descriptors, or `restMs` have passed. */
  #rest(id: number, code: string): void {
    this.#tcpListeners.get(id)?.acceptFailed(code);
    this.#resting.add(id);
    this.#wakeup ??= this.#tcp.clock.after(restMs, () => this.#resume());
  }

  #resume(): void {
    this.#wakeup?.cancel();
    this.#wakeup = undefined;
    for (const id of this.#resting) this.#addon.resumeListening(this.#instance, id);
    this.#resting.clear();
  }

  #left(): void {
    this.#live -= 1;
    this.#calm.note();
    if (this.#resting.size > 0) this.#resume();
    if (this.#live === 0) this.#allGone?.();
  }

  /** Resolves when all flows have been told to be closed. */
  #gone(): Promise<void> {
    if (this.#live === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#allGone = resolve;
    });
  }

  #cells(slot: number): Cells {
    const block = this.#blocks[Math.trunc(slot / flowsPerBlock)];
    if (block === undefined) throw new Error(`slot ${slot} has no cells`);
    return new Cells(block, slot % flowsPerBlock);
  }
}

/** One where UDP is relayed, and one where TCP is. */
function mostRings(threads: number): number {
  return Math.max(threads, 1) + threads + 1;
}

/** `ECONNREFUSED` of 111. */
function errorName(errno: number): string {
  return getSystemErrorName(-errno);
}
