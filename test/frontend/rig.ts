import { Balancers } from '../../src/frontend/balancers.ts';
import type { BindingState } from '../../src/frontend/binding.ts';
import { FlowLoad } from '../../src/frontend/flow-load.ts';
import { Frontends, type FrontendsInit } from '../../src/frontend/frontends.ts';
import type { Protocol } from '../../src/model/keys.ts';
import { serviceKey } from '../../src/model/keys.ts';
import type { EndpointSlice, Service } from '../../src/model/service.ts';
import { defaultSettings, type ServiceSettings } from '../../src/model/settings.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { SnapshotBuilder } from '../../src/table/build.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeEngine, type FakeListener } from '../support/fake-engine.ts';
import { service, slice, sliceEndpoint } from '../support/model.ts';
import { RecordingObserver } from '../support/record.ts';

export interface Declared {
  readonly vips: readonly string[];
  readonly protocol?: Protocol;
  /**
   * Addresses; one that ends in `!` does not serve, in `~` serves and terminates, in `?` does not serve and is published
   * as ready all the same.
   */
  readonly endpoints: readonly string[];
  readonly over?: Partial<Service>;
}

function stateOf(declared: Readonly<Record<string, Declared>>): { services: Service[]; slices: EndpointSlice[] } {
  const services: Service[] = [];
  const slices: EndpointSlice[] = [];
  for (const [name, { vips, protocol = 'TCP', endpoints, over = {} }] of Object.entries(declared)) {
    services.push(service(name, vips, { ports: [{ name: 'p', port: 80, protocol }], ...over }));
    const items = endpoints.map((text) => {
      const [, address = '', mark = ''] = /^(.*?)([!~?]?)$/.exec(text) ?? [];
      const [ready, serving] = [mark !== '!' && mark !== '~', mark !== '!' && mark !== '?'];
      return sliceEndpoint(address, { ready, serving, terminating: mark === '~' });
    });
    const ports = [{ name: 'p', port: 8080, protocol }];
    slices.push(slice(name, name, items, { ports, service: serviceKey('default', name) }));
  }
  return { services, slices };
}

/** The frontends under test, on a fake engine and a clock that stands still. */
export class Rig {
  readonly engine = new FakeEngine();
  readonly clock = new FakeClock();
  readonly observer = new RecordingObserver();
  readonly load = new FlowLoad(Number.POSITIVE_INFINITY);
  readonly balancers = new Balancers({ random: () => this.clock.random(), maxAffinityEntries: 100 });
  readonly states: string[] = [];
  readonly #builder = new SnapshotBuilder();
  readonly frontends: Frontends;

  constructor(over: Partial<FrontendsInit> = {}) {
    this.frontends = new Frontends({
      engine: this.engine,
      balancers: this.balancers,
      load: this.load,
      observer: this.observer,
      clock: this.clock,
      onBinding: (frontend, state: BindingState) => this.states.push(`${frontend.key} ${state.kind}`),
      ...over,
    });
  }

  snapshot(declared: Readonly<Record<string, Declared>>, settings: ServiceSettings = defaultSettings): Snapshot {
    return this.#builder.build({ feeds: [{ name: 'test', state: stateOf(declared) }], settings }).snapshot;
  }

  /** Makes the frontends be what `declared` says, and waits until each was tried to bind. */
  async apply(declared: Readonly<Record<string, Declared>>, settings?: ServiceSettings): Promise<Snapshot> {
    const snapshot = this.snapshot(declared, settings);
    this.frontends.reconcile(snapshot);
    await this.frontends.tried();
    return snapshot;
  }

  /** The newest listener on `address`. */
  listener(address: string): FakeListener {
    const found = this.engine.listeners.findLast(({ spec }) => spec.address === address);
    if (found === undefined) throw new Error(`nobody listens on ${address}`);
    return found;
  }
}

/** Lets everything that only waits for promises go on. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
