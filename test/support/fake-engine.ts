import type { EndReason } from '../../src/model/reason.ts';
import type { Target } from '../../src/model/target.ts';
import type { Flow, FlowView, Listener, ListenSpec, RelayEngine, Route, Router } from '../../src/relay/relay.ts';
import { endingOf } from './flows.ts';

/** A flow that a fake listener carries. */
export interface FakeFlow {
  readonly flow: Flow;
  readonly target: Target | undefined;
}

/** A listener without sockets: flows come and go as a test says, and the router is told as the contract demands. */
export class FakeListener implements Listener {
  readonly spec: ListenSpec;
  readonly router: Router;
  readonly carried = new Set<FakeFlow>();
  /** `stop` waits for it. */
  closing: Promise<void> | undefined;
  /** How often `stop` was called. */
  stops = 0;
  idleMs = 0;

  constructor(spec: ListenSpec, router: Router) {
    this.spec = spec;
    this.router = router;
  }

  get size(): number {
    return this.carried.size;
  }

  /** A client comes. What it is given, unless `connected` is false, answers at once. */
  open(clientAddress = '192.0.2.1', connected = true): { readonly route: Route; readonly carried?: FakeFlow } {
    const { protocol } = this.spec;
    const flow: Flow = {
      protocol,
      clientAddress,
      clientPort: 40_000,
      tried: undefined,
      frontend: undefined,
      lease: undefined,
    };
    const route = this.router.route(flow);
    if (route.kind === 'reject') {
      if (protocol === 'TCP') this.router.closed(flow, endingOf(route.reason, { by: 'sluice' }));
      else this.router.dropped(route.reason);
      return { route };
    }
    if (connected) this.router.connected(flow, route.target, 1);
    const carried = { flow, target: connected ? route.target : undefined };
    this.carried.add(carried);
    return { route, carried };
  }

  end(carried: FakeFlow, reason: EndReason = 'closed'): void {
    this.carried.delete(carried);
    this.router.closed(carried.flow, endingOf(reason, { target: carried.target }));
  }

  async stop(): Promise<void> {
    this.stops += 1;
    if (this.spec.protocol === 'UDP') this.cut(() => true, 'shutdown');
    await this.closing;
  }

  cut(which: (target: Target | undefined) => boolean, reason: EndReason): void {
    for (const carried of [...this.carried]) if (which(carried.target)) this.end(carried, reason);
  }

  *flows(): Iterable<FlowView> {
    for (const { flow, target } of this.carried) {
      const { clientAddress, clientPort } = flow;
      const bytes = { bytesFromClient: 0, bytesFromEndpoint: 0 };
      yield { clientAddress, clientPort, target, ageMs: this.idleMs, idleMs: this.idleMs, ...bytes };
    }
  }
}

/** An engine that binds nothing and remembers everything. */
export class FakeEngine implements RelayEngine {
  readonly name = 'fake';
  readonly reservedDescriptors = 0;
  readonly listeners: FakeListener[] = [];
  /** How often it was asked to listen, whether or not it could. */
  tries = 0;
  /** If set, listening fails with this code. */
  failure: string | undefined;
  /** If set, listening waits for it. */
  gate: Promise<void> | undefined;

  async listen(spec: ListenSpec, router: Router): Promise<Listener> {
    this.tries += 1;
    await this.gate;
    if (this.failure !== undefined) throw Object.assign(new Error(this.failure), { code: this.failure });
    const listener = new FakeListener(spec, router);
    this.listeners.push(listener);
    return listener;
  }

  settle(): void {}

  async close(): Promise<void> {}
}
