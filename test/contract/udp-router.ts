import assert from 'node:assert/strict';
import { parseIp } from '../../src/model/address.ts';
import { endpointKey } from '../../src/model/keys.ts';
import type { ConnectFailure, DropReason } from '../../src/model/reason.ts';
import { defaultSettings, overrideSettings, type ServiceSettings } from '../../src/model/settings.ts';
import { Target } from '../../src/model/target.ts';
import type { Ending, Flow, Route, Router } from '../../src/relay/relay.ts';

export function targetAt(address: string, port: number): Target {
  const ip = parseIp(address);
  assert.ok(ip);
  return new Target({
    key: endpointKey(ip, port),
    address: ip,
    port,
    ready: true,
    serving: true,
    terminating: false,
    weight: 1,
  });
}

/** Where a flow is in the picture above `Router`. */
type Stage = 'forwarded' | 'connected' | 'rejected' | 'closed';

/** Gives flows to `targets` in turn, writes down all that it is told, and throws if it is told so out of order. */
export class RecordingRouter implements Router {
  settings: ServiceSettings = defaultSettings;
  readonly namesClients = true;
  targets: Target[];
  readonly routes: Target[] = [];
  readonly failures: [Target, ConnectFailure][] = [];
  readonly connects: { target: Target; connectMs: number }[] = [];
  readonly endings: Ending[] = [];
  readonly drops: DropReason[] = [];
  readonly flows = new Map<Flow, Stage>();
  #turn = 0;

  constructor(...targets: Target[]) {
    this.targets = targets;
  }

  set udp(udp: Partial<ServiceSettings['udp']>) {
    this.settings = overrideSettings(defaultSettings, { udp });
  }

  get open(): number {
    return [...this.flows.values()].filter((stage) => stage !== 'closed').length;
  }

  route(flow: Flow): Route {
    assert.equal(this.flows.get(flow), undefined, 'a flow is routed once');
    assert.equal(flow.protocol, 'UDP');
    if (this.targets.length === 0) return { kind: 'reject', reason: 'no-endpoint' };
    return this.#give(flow);
  }

  connectFailed(flow: Flow, target: Target, failure: ConnectFailure): Route {
    assert.equal(this.flows.get(flow), 'forwarded');
    assert.equal(target, flow.lease);
    this.failures.push([target, failure]);
    flow.tried = [...(flow.tried ?? []), target];
    return this.#give(flow);
  }

  connected(flow: Flow, target: Target, connectMs: number): void {
    assert.equal(this.flows.get(flow), 'forwarded');
    assert.equal(target, flow.lease);
    this.flows.set(flow, 'connected');
    this.connects.push({ target, connectMs });
  }

  closed(flow: Flow, ending: Ending): void {
    const stage = this.flows.get(flow);
    assert.ok(stage !== undefined && stage !== 'closed', `closed while ${stage}`);
    assert.equal(ending.target, stage === 'connected' ? flow.lease : undefined);
    this.flows.set(flow, 'closed');
    this.endings.push(ending);
  }

  dropped(reason: DropReason): void {
    this.drops.push(reason);
  }

  refused(): void {
    assert.fail('refused is for connections');
  }

  acceptFailed(code: string): void {
    assert.fail(`accept failed: ${code}`);
  }

  #give(flow: Flow): Route {
    const left = this.targets.filter((target) => !flow.tried?.includes(target));
    const target = left[this.#turn++ % Math.max(left.length, 1)];
    this.flows.set(flow, target === undefined ? 'rejected' : 'forwarded');
    flow.lease = target;
    if (target === undefined) return { kind: 'reject', reason: 'connect-failed' };
    this.routes.push(target);
    return { kind: 'forward', target };
  }
}
