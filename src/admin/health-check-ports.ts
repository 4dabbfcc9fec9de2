import { formatAddressPort, type Ip } from '../model/address.ts';
import type { ServiceKey } from '../model/keys.ts';
import type { HealthCheck } from '../model/snapshot.ts';
import { json } from './answer.ts';
import { AdminServer } from './server.ts';

export interface HealthCheckPortsInit {
  /** Whether this process forwards: services are answered for with 503 otherwise. */
  readonly isHealthy: () => boolean;
  /** A port cannot be listened on. It is tried again at the next `sync`. */
  readonly failed: (check: HealthCheck, address: Ip, error: unknown) => void;
}

/** What the health checks of a snapshot ask for. */
export interface WantedChecks {
  readonly healthChecks: ReadonlyMap<ServiceKey, HealthCheck>;
  /** The node's own addresses on which they are answered, as node ports are. */
  readonly nodePortAddresses: readonly Ip[];
}

interface Place {
  check: HealthCheck;
  readonly server: AdminServer;
}

/**
 * The servers of `healthCheckNodePort`: load balancers ask them which nodes have an endpoint of a service whose
 * `externalTrafficPolicy` is `Local`, and send traffic nowhere else.
 */
export class HealthCheckPorts {
  readonly #init: HealthCheckPortsInit;
  readonly #places = new Map<string, Place>();
  #last: Promise<void> = Promise.resolve();

  constructor(init: HealthCheckPortsInit) {
    this.#init = init;
  }

  /**
   * Makes servers be what is wanted, and nothing else; those that stay are left alone and answer anew. Resolves when that
   * is done; calls wait for each other.
   */
  sync(wanted: WantedChecks): Promise<void> {
    this.#last = this.#last.then(() => this.#sync(wanted));
    return this.#last;
  }

  close(): Promise<void> {
    return this.sync({ healthChecks: new Map(), nodePortAddresses: [] });
  }

  async #sync({ healthChecks, nodePortAddresses }: WantedChecks): Promise<void> {
    const wanted = new Map<string, { check: HealthCheck; address: Ip }>();
    for (const check of healthChecks.values())
      for (const address of nodePortAddresses) wanted.set(placeKey(check, address), { check, address });
    const gone = [...this.#places].filter(([key]) => !wanted.has(key));
    for (const [key] of gone) this.#places.delete(key);
    await Promise.all(gone.map(([, { server }]) => server.close()));
    await Promise.all(Array.from(wanted, ([key, { check, address }]) => this.#place(key, check, address)));
  }

  async #place(key: string, check: HealthCheck, address: Ip): Promise<void> {
    const known = this.#places.get(key);
    if (known !== undefined) {
      known.check = check;
      return;
    }
    const failed = (error: unknown) => this.#init.failed(check, address, error);
    const route = () => healthCheckAnswer(place.check, this.#init.isHealthy());
    const place: Place = { check, server: new AdminServer({ routes: { get: () => route }, failed }) };
    this.#places.set(key, place);
    try {
      await place.server.listen({ kind: 'tcp', address, port: check.port });
    } catch (error) {
      this.#places.delete(key);
      failed(error);
    }
  }
}

/** A port that passes from one service to another is another place. */
function placeKey({ service, port }: HealthCheck, address: Ip): string {
  return `${service} ${formatAddressPort(address, port)}`;
}

/** What kube-proxy answers (`pkg/proxy/healthcheck`), on any path. */
export function healthCheckAnswer({ namespace, name, localEndpoints }: HealthCheck, isHealthy: boolean) {
  const status = isHealthy && localEndpoints > 0 ? 200 : 503;
  const body = { service: { namespace, name }, localEndpoints, serviceProxyHealthy: isHealthy };
  return { ...json(status, body), headers: { 'x-load-balancing-endpoint-weight': String(localEndpoints) } };
}
