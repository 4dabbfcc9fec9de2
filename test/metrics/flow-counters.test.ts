import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Metrics } from '../../src/metrics/metrics.ts';
import {
  type ConnectFailure,
  connectFailures,
  type DropReason,
  dropReasons,
  type EndReason,
  endReasons,
  type Party,
  rejectReasons,
} from '../../src/model/reason.ts';
import type { Frontend } from '../../src/model/snapshot.ts';
import { Target } from '../../src/model/target.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { endingOf, flowOf } from '../support/flows.ts';
import { FakeServicePort, FakeViews, frontendOf, servicePortNamed } from '../support/live-views.ts';
import { endpoint } from '../support/model.ts';
import { parsePrometheus, sumOfSamples } from '../support/prometheus-text.ts';

const names = ['a', 'b', 'c'] as const;
const target = new Target(endpoint('10.0.0.1'));

/** Tells an observer what a relay would tell it, and keeps its own accounts. */
class Traffic {
  readonly #views = new FakeViews();
  readonly #metrics: Metrics;
  readonly #frontends: Frontend[];
  readonly living: Frontend[] = [];
  opened = 0;
  closed = 0;
  failed = 0;
  dropped = 0;

  constructor() {
    const ports = names.map((name) => new FakeServicePort(servicePortNamed(name)));
    this.#views.servicePortViews = ports;
    this.#frontends = ports.map(({ servicePort }) => frontendOf(servicePort));
    const build = { version: '1', engine: 'net' };
    this.#metrics = new Metrics({ views: this.#views, clock: new FakeClock(), build });
  }

  open(which: number): void {
    const frontend = this.#frontend(which);
    this.#metrics.observer.flowOpened(frontend);
    this.living.push(frontend);
    this.opened += 1;
  }

  close(reason: EndReason, by: Party, reached: boolean): void {
    const frontend = this.living.shift();
    if (frontend === undefined) return;
    const ending = endingOf(reason, { by, target: reached ? target : undefined });
    this.#metrics.observer.flowClosed(frontend, flowOf(frontend), ending);
    this.closed += 1;
  }

  fail(which: number, failure: ConnectFailure): void {
    this.#metrics.observer.connectFailed(this.#frontend(which), target, failure, false);
    this.failed += 1;
  }

  drop(which: number, reason: DropReason): void {
    this.#metrics.observer.datagramDropped(this.#frontend(which), reason);
    this.dropped += 1;
  }

  async scrape() {
    return parsePrometheus(await this.#metrics.expose());
  }

  #frontend(which: number): Frontend {
    const frontend = this.#frontends[which];
    assert.ok(frontend);
    return frontend;
  }
}

const which = fc.nat(names.length - 1);
const closeReason = fc.constantFrom(...new Set<EndReason>([...endReasons, ...rejectReasons]));
const party = fc.constantFrom<Party[]>('client', 'endpoint', 'sluice');
const open = which.map((n) => (traffic: Traffic) => traffic.open(n));
const close = fc.tuple(closeReason, party, fc.boolean()).map((args) => (traffic: Traffic) => traffic.close(...args));
const fail = fc
  .tuple(which, fc.constantFrom(...connectFailures))
  .map((args) => (traffic: Traffic) => traffic.fail(...args));
const drop = fc
  .tuple(which, fc.constantFrom(...dropReasons))
  .map((args) => (traffic: Traffic) => traffic.drop(...args));

test('opened = closed + active, whatever happens', async () => {
  const steps = fc.array(fc.oneof({ weight: 3, arbitrary: open }, { weight: 2, arbitrary: close }, fail, drop));
  const property = fc.asyncProperty(steps, async (all) => {
    const traffic = new Traffic();
    for (const step of all) step(traffic);
    const families = await traffic.scrape();
    const value = (name: string, service?: string) => sumOfSamples(families, name, service ? { service } : {});
    for (const name of names) {
      const ended = value('sluice_flows_closed_total', name) + value('sluice_flows_active', name);
      assert.equal(value('sluice_flows_opened_total', name), ended, name);
    }
    assert.equal(value('sluice_flows_opened_total'), traffic.opened);
    assert.equal(value('sluice_flows_closed_total'), traffic.closed);
    assert.equal(value('sluice_flows_active'), traffic.living.length);
    assert.equal(value('sluice_connect_failures_total'), traffic.failed);
    assert.equal(value('sluice_datagrams_dropped_total'), traffic.dropped);
  });
  await fc.assert(property, { numRuns: 50 });
});
