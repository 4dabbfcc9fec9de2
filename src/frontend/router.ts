import type { Balancer } from '../balance/balancer.ts';
import type { BalanceExplanation } from '../balance/explain.ts';
import type { Clock } from '../base/clock.ts';
import type { AddressSet } from '../model/address-set.ts';
import type { ConnectFailure, DropReason, EndReason, RejectReason } from '../model/reason.ts';
import { isLocalFailure, isShortage } from '../model/reason.ts';
import type { ServiceSettings } from '../model/settings.ts';
import type { Frontend, Scope } from '../model/snapshot.ts';
import type { Target } from '../model/target.ts';
import type { Observer } from '../relay/observer.ts';
import type { Ending, Flow, Route, Router } from '../relay/relay.ts';
import type { FlowLoad } from './flow-load.ts';

export interface FrontendRouterInit {
  readonly frontend: Frontend;
  readonly balancer: Balancer;
  readonly load: FlowLoad;
  readonly observer: Observer;
  readonly clock: Clock;
}

/** What would become of a client's flow at a frontend now. */
export interface RouteExplanation {
  readonly frontend: Frontend;
  /** Flows that the listener has now. */
  readonly active: number;
  /** Why the flow would not even be balanced; absent: nothing is in its way. */
  readonly refusal?: RejectReason;
  readonly balance: BalanceExplanation;
}

/**
 * The policy side of one listener: limits, then the balancer; and the books, so that at all times and for every engine
 * what was opened is what was closed and what is active.
 */
export class FrontendRouter implements Router {
  readonly #load: FlowLoad;
  readonly #observer: Observer;
  readonly #clock: Clock;
  #frontend: Frontend;
  #balancer: Balancer;
  #active = 0;

  constructor({ frontend, balancer, load, observer, clock }: FrontendRouterInit) {
    this.#frontend = frontend;
    this.#balancer = balancer;
    this.#load = load;
    this.#observer = observer;
    this.#clock = clock;
  }

  /** What the next flow meets. A VIP:PORT may pass from one service to another while its listener stays. */
  update(frontend: Frontend, balancer: Balancer): void {
    this.#frontend = frontend;
    this.#balancer = balancer;
  }

  get settings(): ServiceSettings {
    return this.#frontend.servicePort.settings;
  }

  get namesClients(): boolean {
    return this.#observer.namesClients;
  }

  route(flow: Flow): Route {
    const refusal = this.#refusal(flow);
    const route = refusal === undefined ? this.#balance(flow) : rejected(refusal);
    // A rejected datagram leaves nothing behind that could be closed later.
    if (route.kind === 'forward' || flow.protocol === 'TCP') this.#open(flow);
    return lease(flow, route);
  }

  /** What `route` would say to a new flow of `client`, and why. Changes nothing. */
  explain(client: string): RouteExplanation {
    const named = { clientAddress: client };
    const refusal = this.#refusal(named);
    const scope = this.#scopeOf(named);
    const balance = this.#balancer.explain(client, this.#clock.now(), scope);
    return { frontend: this.#frontend, active: this.#active, ...(refusal !== undefined && { refusal }), balance };
  }

  refused(flow: Flow, _reason: EndReason): void {
    this.#open(flow);
  }

  connectFailed(flow: Flow, target: Target, failure: ConnectFailure, code?: string): Route {
    const { frontend = this.#frontend } = flow;
    giveUp(flow);
    flow.tried = flow.tried === undefined ? [target] : [...flow.tried, target];
    // The failures of this host say nothing about the endpoint: the client may stay with it next time.
    if (!isLocalFailure(failure) && this.#balancer.asksForClient) {
      this.#balancer.connectFailed(flow.clientAddress, target);
    }
    const route = this.#next(flow, failure);
    this.#observer.connectFailed(frontend, target, failure, route.kind === 'forward', code);
    return lease(flow, route);
  }

  connected(flow: Flow, target: Target, connectMs: number): void {
    target.stats.opened += 1;
    this.#observer.flowConnected(flow.frontend ?? this.#frontend, target, connectMs);
  }

  closed(flow: Flow, ending: Ending): void {
    const { frontend } = flow;
    if (frontend === undefined) return;
    giveUp(flow);
    if (ending.target !== undefined) ending.target.stats.closed += 1;
    flow.frontend = undefined;
    this.#active -= 1;
    this.#load.closed(frontend);
    this.#observer.flowClosed(frontend, flow, ending);
  }

  dropped(reason: DropReason): void {
    this.#observer.datagramDropped(this.#frontend, reason);
  }

  acceptFailed(code: string): void {
    this.#observer.acceptFailed(this.#frontend, code);
  }

  #refusal(flow: Pick<Flow, 'clientAddress'>): RejectReason | undefined {
    const { sources } = this.#frontend;
    if (sources !== undefined && !sources.has(flow.clientAddress)) return 'source-not-allowed';
    return this.#load.refusal(this.#frontend, this.#active);
  }

  /**
   * After a failed try there is no `no-endpoint` any more: what there was has been tried. What this host was short of may be
   * there for the next try; if not, that is why.
   */
  #next(flow: Flow, failure: ConnectFailure): Route {
    const route = this.#balance(flow);
    if (route.kind === 'forward') return route;
    return rejected(isShortage(failure) ? failure : 'connect-failed');
  }

  #balance(flow: Flow): Route {
    const client = this.#balancer.asksForClient ? flow.clientAddress : '';
    return this.#balancer.route(client, this.#clock.now(), flow.tried, this.#scopeOf(flow));
  }

  /** Which endpoints the flow may get: `nearby` clients those of the whole cluster. */
  #scopeOf(flow: Pick<Flow, 'clientAddress'>): Scope {
    const { scope, nearby, address } = this.#frontend;
    if (scope === 'cluster' || nearby === undefined) return scope;
    return isNearby(flow.clientAddress, address, nearby) ? 'cluster' : 'local';
  }

  #open(flow: Flow): void {
    flow.frontend = this.#frontend;
    this.#active += 1;
    this.#load.opened(this.#frontend);
    this.#observer.flowOpened(this.#frontend);
  }
}

/** A process of this host that connects to an address of this host comes from that very address (`RTN_LOCAL`). */
function isNearby(client: string, vip: string, nearby: AddressSet): boolean {
  return client === vip || nearby.has(client);
}

function rejected(reason: RejectReason): Route {
  return { kind: 'reject', reason };
}

function lease(flow: Flow, route: Route): Route {
  if (route.kind === 'forward') {
    flow.lease = route.target;
    route.target.stats.active += 1;
  }
  return route;
}

function giveUp(flow: Flow): void {
  if (flow.lease === undefined) return;
  flow.lease.stats.active -= 1;
  flow.lease = undefined;
}
