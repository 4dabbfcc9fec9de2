import type { ServicePortKey } from '../model/keys.ts';
import type { ConnectFailure, DropReason, EndReason, Party } from '../model/reason.ts';
import type { Frontend, ServicePort } from '../model/snapshot.ts';
import type { Target } from '../model/target.ts';
import type { Observer } from '../relay/observer.ts';
import type { Ending, Flow } from '../relay/relay.ts';
import { Histogram } from './histogram.ts';
import { Tally } from './tally.ts';

/** Upper bounds of the connect-time histogram, in seconds: from a pod on this host to the last of several tries. */
const connectBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;

/** What has happened to the flows of one service port. Always: opened = closed + active. */
export class ServicePortCounters {
  /** The first that was seen of it, for its names: they are part of its key. */
  readonly servicePort: ServicePort;
  opened = 0;
  active = 0;
  readonly closedBy: Readonly<Record<Party, Tally<EndReason>>> = {
    client: new Tally(),
    endpoint: new Tally(),
    sluice: new Tally(),
  };
  readonly failures = new Tally<ConnectFailure>();
  /** By the system error's code: of tries, and of what ended flows. */
  readonly socketErrors = new Tally<string>();
  retries = 0;
  readonly drops = new Tally<DropReason>();
  /** By the system error's code. */
  readonly acceptFailures = new Tally();
  readonly connectSeconds = new Histogram(connectBounds);

  constructor(servicePort: ServicePort) {
    this.servicePort = servicePort;
  }
}

/** What has happened at one endpoint, beyond what its `TargetStats` say. */
export class EndpointCounters {
  readonly closed = new Tally<EndReason>();
  readonly failures = new Tally<ConnectFailure>();
}

/**
 * Counts what it is told, in plain numbers that are only turned into metrics when somebody asks for them: a connection
 * costs a few additions and two look-ups, whatever the number of services.
 */
export class FlowCounters implements Observer {
  readonly namesClients = false;
  readonly #servicePorts = new Map<ServicePortKey, ServicePortCounters>();
  /** They go with their target. */
  readonly #endpoints = new WeakMap<Target, EndpointCounters>();

  flowOpened(frontend: Frontend): void {
    const counters = this.#of(frontend);
    counters.opened += 1;
    counters.active += 1;
  }

  flowConnected(frontend: Frontend, _target: Target, connectMs: number): void {
    this.#of(frontend).connectSeconds.observe(connectMs / 1000);
  }

  connectFailed(frontend: Frontend, target: Target, failure: ConnectFailure, retried: boolean, code?: string): void {
    const counters = this.#of(frontend);
    counters.failures.add(failure);
    if (code !== undefined) counters.socketErrors.add(code);
    if (retried) counters.retries += 1;
    this.#ofTarget(target).failures.add(failure);
  }

  flowClosed(frontend: Frontend, _flow: Flow, ending: Ending): void {
    const counters = this.#of(frontend);
    counters.active -= 1;
    counters.closedBy[ending.by].add(ending.reason);
    if (ending.errorCode !== undefined) counters.socketErrors.add(ending.errorCode);
    if (ending.target !== undefined) this.#ofTarget(ending.target).closed.add(ending.reason);
  }

  datagramDropped(frontend: Frontend, reason: DropReason): void {
    this.#of(frontend).drops.add(reason);
  }

  acceptFailed(frontend: Frontend, code: string): void {
    this.#of(frontend).acceptFailures.add(code);
  }

  /** Every service port that has had traffic since it was last forgotten. */
  servicePorts(): Iterable<ServicePortCounters> {
    return this.#servicePorts.values();
  }

  servicePort(key: ServicePortKey): ServicePortCounters | undefined {
    return this.#servicePorts.get(key);
  }

  endpoint(target: Target): EndpointCounters | undefined {
    return this.#endpoints.get(target);
  }

  /** Forgets the idle service ports for which `present` says no. */
  forget(present: (key: ServicePortKey) => boolean): void {
    for (const [key, counters] of this.#servicePorts) {
      if (counters.active === 0 && !present(key)) this.#servicePorts.delete(key);
    }
  }

  #of({ servicePort }: Frontend): ServicePortCounters {
    const known = this.#servicePorts.get(servicePort.key);
    if (known !== undefined) return known;
    const counters = new ServicePortCounters(servicePort);
    this.#servicePorts.set(servicePort.key, counters);
    return counters;
  }

  #ofTarget(target: Target): EndpointCounters {
    const known = this.#endpoints.get(target);
    if (known !== undefined) return known;
    const counters = new EndpointCounters();
    this.#endpoints.set(target, counters);
    return counters;
  }
}
