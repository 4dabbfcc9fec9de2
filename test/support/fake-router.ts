import type { ConnectFailure, DropReason, EndReason, RejectReason } from '../../src/model/reason.ts';
import type { ServiceSettings } from '../../src/model/settings.ts';
import { defaultSettings } from '../../src/model/settings.ts';
import type { Target } from '../../src/model/target.ts';
import type { Ending, Flow, Route, Router } from '../../src/relay/relay.ts';
import { until } from './until.ts';

/** A router that sends flows to the targets in turn, skips those that were tried, and writes down what it is told. */
export class FakeRouter implements Router {
  settings: ServiceSettings = defaultSettings;
  namesClients = true;
  targets: readonly Target[];
  /** If set, every new flow is rejected. */
  rejecting: RejectReason | undefined;
  readonly flows: Flow[] = [];
  readonly failures: ConnectFailure[] = [];
  /** The system's names of the errors behind `failures`. */
  readonly failureCodes: (string | undefined)[] = [];
  readonly connections: Target[] = [];
  readonly endings: Ending[] = [];
  readonly drops: DropReason[] = [];
  readonly refusals: EndReason[] = [];
  readonly acceptFailures: string[] = [];
  readonly #closed = new Set<Flow>();
  #turn = 0;

  constructor(targets: readonly Target[] = []) {
    this.targets = targets;
  }

  route(flow: Flow): Route {
    if (this.rejecting !== undefined) {
      if (flow.protocol === 'TCP') this.flows.push(flow);
      return { kind: 'reject', reason: this.rejecting };
    }
    this.flows.push(flow);
    return this.#next(flow);
  }

  refused(flow: Flow, reason: EndReason): void {
    this.flows.push(flow);
    this.refusals.push(reason);
  }

  connectFailed(flow: Flow, target: Target, failure: ConnectFailure, code?: string): Route {
    this.failures.push(failure);
    this.failureCodes.push(code);
    flow.tried = [...(flow.tried ?? []), target];
    return this.#next(flow);
  }

  connected(_flow: Flow, target: Target): void {
    this.connections.push(target);
  }

  closed(flow: Flow, ending: Ending): void {
    if (!this.flows.includes(flow)) throw new Error('a flow was closed that never came');
    if (this.#closed.has(flow)) throw new Error('a flow was closed twice');
    this.#closed.add(flow);
    flow.lease = undefined;
    this.endings.push(ending);
  }

  dropped(reason: DropReason): void {
    this.drops.push(reason);
  }

  acceptFailed(code: string): void {
    this.acceptFailures.push(code);
  }

  /** The endings, once there are `count` of them. */
  async ended(count: number): Promise<readonly Ending[]> {
    await until(() => this.endings.length >= count, `${count} flows have ended`);
    return this.endings;
  }

  #next(flow: Flow): Route {
    for (let step = 0; step < this.targets.length; step += 1) {
      const target = this.targets[this.#turn++ % this.targets.length];
      if (target === undefined || flow.tried?.includes(target)) continue;
      flow.lease = target;
      return { kind: 'forward', target };
    }
    return { kind: 'reject', reason: flow.tried === undefined ? 'no-endpoint' : 'connect-failed' };
  }
}
