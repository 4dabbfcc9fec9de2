import { once } from 'node:events';
import type { Server } from 'node:net';
import { createServer } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import type { AddressPort } from '../../model/address.ts';
import type { EndReason } from '../../model/reason.ts';
import type { Target } from '../../model/target.ts';
import type { Deadlines } from '../deadlines.ts';
import type { DescriptorBudget } from '../descriptors.ts';
import { LinkedList } from '../linked-list.ts';
import type { FlowView, Listener, ListenSpec, Router } from '../relay.ts';
import type { BufferPool } from './buffers.ts';
import type { Sockets } from './side.ts';
import type { TcpFlowInit } from './tcp-flow.ts';
import { TcpFlow } from './tcp-flow.ts';

export interface TcpInit {
  readonly clock: Clock;
  readonly sockets: Sockets;
  readonly pool: BufferPool;
  readonly dialing: Deadlines<TcpFlow>;
  readonly descriptors: DescriptorBudget;
  /** See `NetEngineInit`. */
  readonly backlog: number;
}

/** One socket to the client, one to the endpoint. */
const descriptorsPerFlow = 2;

/** Binds exactly `address:port`. Rejects with the system error. */
export async function listenTcp(spec: ListenSpec, router: Router, init: TcpInit): Promise<TcpListener> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen({ host: spec.address, port: spec.port, backlog: init.backlog, exclusive: true, ipv6Only: true });
  await once(server, 'listening');
  return new TcpListener(server, spec, router, init);
}

export class TcpListener implements Listener {
  readonly #server: Server;
  readonly #router: Router;
  readonly #init: TcpInit;
  readonly #flowInit: TcpFlowInit;
  readonly #flows = new LinkedList<TcpFlow>();
  #flowCount = 0;
  /** Accepted while no descriptors were left, in the order in which they came. */
  readonly #waiting = new Map<TcpFlow, () => void>();
  /** Connections that came, ever. */
  #accepts = 0;

  constructor(server: Server, local: AddressPort, router: Router, init: TcpInit) {
    this.#server = server;
    this.#router = router;
    this.#init = init;
    this.#flowInit = { router, ...init, local, onClosed: this.#closed };
    init.sockets.accept(server, this.#accepted, (code) => router.acceptFailed(code));
  }

  get size(): number {
    return this.#flowCount + this.#waiting.size;
  }

  *flows(): Iterable<FlowView> {
    const now = this.#init.clock.now();
    for (const flow of this.#flows) yield flow.view(now);
  }

  cut(which: (target: Target | undefined) => boolean, reason: EndReason): void {
    for (const flow of this.#flows) if (which(flow.target)) flow.end(reason, 'sluice');
    if (which(undefined)) for (const flow of this.#waiting.keys()) this.#refuse(flow, reason);
  }

  async stop(): Promise<void> {
    await this.#emptyQueue();
    // The listening socket is closed at once; 'close' would wait for the connections, which live on.
    this.#server.close();
  }

  /** See `Watched`. */
  watch(now: number): number | undefined {
    if (!this.#server.listening && this.size === 0) return undefined;
    const { idleTimeoutMs, halfClosedTimeoutMs, connectBudgetMs } = this.#router.settings.tcp;
    for (const flow of this.#flows) flow.watch(now);
    for (const flow of this.#waiting.keys()) {
      if (flow.view(now).ageMs >= connectBudgetMs) this.#refuse(flow, 'descriptors-exhausted');
    }
    return Math.min(idleTimeoutMs, halfClosedTimeoutMs, connectBudgetMs);
  }

  #accepted = (connection: object): void => {
    this.#accepts += 1;
    const flow = new TcpFlow(connection, this.#flowInit);
    if (this.#init.descriptors.tryAcquire(descriptorsPerFlow)) this.#start(flow);
    else this.#wait(flow);
  };

  /**
   * Takes the clients that wait in the kernel's queue. They are connected as far as they know, and closing the listening
   * socket would reset them. libuv accepts one connection a turn of the event loop, so a turn without one means that the
   * queue is empty. As many turns as the queue is long will do: later clients must not hold up the end.
   */
  async #emptyQueue(): Promise<void> {
    await nextTurn();
    for (let turn = 0; turn <= this.#init.backlog && this.#server.listening; turn += 1) {
      const before = this.#accepts;
      await nextTurn();
      if (this.#accepts === before) return;
    }
  }

  #start(flow: TcpFlow): void {
    this.#flows.add(flow);
    this.#flowCount += 1;
    flow.admitted = true;
    flow.start();
  }

  #closed = (flow: TcpFlow): void => {
    if (!flow.admitted) return;
    this.#flows.remove(flow);
    this.#flowCount -= 1;
    this.#init.descriptors.release(descriptorsPerFlow);
  };

  /**
   * At the ceiling a client waits, unread, as it would in the kernel's queue: node:net cannot stop accepting without
   * closing the listening socket, and that would lose the whole queue. It is refused if too many wait, or too long.
   */
  #wait(flow: TcpFlow): void {
    const leave = this.#init.descriptors.wait(descriptorsPerFlow, () => {
      this.#waiting.delete(flow);
      this.#start(flow);
    });
    if (leave === undefined) flow.refuse('descriptors-exhausted');
    else this.#waiting.set(flow, leave);
  }

  #refuse(flow: TcpFlow, reason: EndReason): void {
    this.#waiting.get(flow)?.();
    this.#waiting.delete(flow);
    flow.refuse(reason);
  }
}
