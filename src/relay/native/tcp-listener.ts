import { setImmediate as nextTurn } from 'node:timers/promises';
import { familyOf } from '../../model/address.ts';
import type { EndReason } from '../../model/reason.ts';
import type { Target } from '../../model/target.ts';
import { LinkedList } from '../linked-list.ts';
import type { FlowView, Listener, ListenSpec, Router } from '../relay.ts';
import { binding, listenFlags } from './addon.ts';
import { socketAddress } from './socket-address.ts';
import { NativeTcpFlow } from './tcp-flow.ts';
import type { TcpFlowHost, TcpShared } from './tcp-host.ts';
import { isSame, type ListenerOptions, optionsOf } from './tcp-options.ts';

export interface NativeTcpListenerInit extends TcpShared<NativeTcpFlow> {
  /** Called when it has stopped and its last flow has ended. */
  readonly onEmpty: (id: number) => void;
}

/** One socket to the client, one to the endpoint. */
const descriptorsPerFlow = 2;
const mostAcceptsPerTurn = 64;

export class NativeTcpListener implements Listener, TcpFlowHost<NativeTcpFlow> {
  /** Of the addon. */
  readonly id: number;
  readonly local: ListenSpec;
  readonly isV6: boolean;
  readonly router: Router;
  readonly shared: NativeTcpListenerInit;
  readonly #flows = new LinkedList<NativeTcpFlow>();
  /** Accepted while no descriptors were left, in the order in which they came. */
  readonly #waiting = new Map<NativeTcpFlow, () => void>();
  #flowCount = 0;
  #options: ListenerOptions;
  #stopped = false;

  /** Binds exactly `address:port`. Throws the system error. */
  constructor(spec: ListenSpec, router: Router, init: NativeTcpListenerInit) {
    this.local = spec;
    this.isV6 = familyOf(spec.address) === 'IPv6';
    this.router = router;
    this.shared = init;
    this.#options = optionsOf(router);
    this.id = listen(spec, this.#options, init);
  }

  get size(): number {
    return this.#flowCount + this.#waiting.size;
  }

  *flows(): Iterable<FlowView> {
    const now = this.shared.clock.now();
    for (const flow of this.#flows) yield flow.view(now);
  }

  cut(which: (target: Target | undefined) => boolean, reason: EndReason): void {
    for (const flow of this.#flows) if (which(flow.target)) flow.end(reason, 'sluice');
    if (which(undefined)) for (const flow of this.#waiting.keys()) this.#refuse(flow, reason);
  }

  /** Who waits in the kernel's queue is connected as far as he knows, and is accepted before the socket is closed. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.shared.addon.stopListening(this.shared.instance, this.id);
    await nextTurn();
    await nextTurn();
    this.#checkEmpty();
  }

  /** See `Watched`. */
  watch(now: number): number | undefined {
    if (this.#stopped && this.size === 0) return undefined;
    this.#configure();
    const { idleTimeoutMs, halfClosedTimeoutMs, connectBudgetMs } = this.router.settings.tcp;
    for (const flow of this.#flows) flow.watch(now);
    for (const flow of this.#waiting.keys()) {
      if (flow.view(now).ageMs >= connectBudgetMs) this.#refuse(flow, 'descriptors-exhausted');
    }
    return Math.min(idleTimeoutMs, halfClosedTimeoutMs, connectBudgetMs);
  }

  /** Brings the counters of the targets up to date. */
  settle(): void {
    for (const flow of this.#flows) flow.settle();
  }

  accepted(slot: number, clientPort: number): NativeTcpFlow {
    const flow = new NativeTcpFlow(this, slot, clientPort);
    if (this.shared.descriptors.tryAcquire(descriptorsPerFlow)) this.#start(flow);
    else this.#wait(flow);
    return flow;
  }

  acceptFailed(code: string): void {
    this.router.acceptFailed(code);
  }

  flowClosed(flow: NativeTcpFlow): void {
    if (!flow.admitted) return;
    this.#flows.remove(flow);
    this.#flowCount -= 1;
    this.shared.descriptors.release(descriptorsPerFlow);
    this.#checkEmpty();
  }

  #start(flow: NativeTcpFlow): void {
    this.#flows.add(flow);
    this.#flowCount += 1;
    flow.admitted = true;
    flow.start();
  }

  /** At the ceiling a client waits, unread. It is refused if too many wait, or too long. */
  #wait(flow: NativeTcpFlow): void {
    const leave = this.shared.descriptors.wait(descriptorsPerFlow, () => {
      this.#waiting.delete(flow);
      this.#start(flow);
    });
    if (leave === undefined) flow.refuse('descriptors-exhausted');
    else this.#waiting.set(flow, leave);
  }

  #refuse(flow: NativeTcpFlow, reason: EndReason): void {
    this.#waiting.get(flow)?.();
    this.#waiting.delete(flow);
    flow.refuse(reason);
  }

  #configure(): void {
    const options = optionsOf(this.router);
    if (isSame(options, this.#options)) return;
    this.#options = options;
    this.shared.addon.configureTcp(this.shared.instance, this.id, options.flags, options.deferAcceptSeconds);
  }

  #checkEmpty(): void {
    if (this.#stopped && this.size === 0) this.shared.onEmpty(this.id);
  }
}

function listen(
  spec: ListenSpec,
  { flags, deferAcceptSeconds }: ListenerOptions,
  init: TcpShared<NativeTcpFlow>,
): number {
  const { addon, instance, backlog, mark, descriptors } = init;
  const { freeBind, transparent } = listenFlags;
  const allFlags = flags | (spec.freeBind ? freeBind : 0) | (spec.transparent ? transparent : 0);
  // Who is accepted at the ceiling uses the same reserve as who waits there.
  const acceptsPerTurn = Math.min(Math.max(descriptors.mostWaiting, 1), mostAcceptsPerTurn);
  const address = socketAddress(spec);
  return binding(() => addon.listenTcp(instance, address, backlog, allFlags, acceptsPerTurn, deferAcceptSeconds, mark));
}
