import { Balancer } from '../balance/balancer.ts';
import type { ServicePortKey } from '../model/keys.ts';
import type { ServicePort, Snapshot } from '../model/snapshot.ts';
import type { Target } from '../model/target.ts';

export interface BalancersInit {
  /** A number in [0, 1). */
  readonly random: () => number;
  /** The most client addresses that one service port remembers for `sessionAffinity: ClientIP`. */
  readonly maxAffinityEntries: number;
}

/** The balancers of the service ports that there are now. */
export class Balancers {
  readonly #init: BalancersInit;
  readonly #all = new Map<ServicePortKey, Balancer>();

  constructor(init: BalancersInit) {
    this.#init = init;
  }

  values(): Iterable<Balancer> {
    return this.#all.values();
  }

  /** The balancer of a service port of the snapshot that was last synced. */
  of(servicePort: ServicePort): Balancer {
    const balancer = this.#all.get(servicePort.key);
    if (balancer === undefined) throw new Error(`no balancer for ${servicePort.key}`);
    return balancer;
  }

  /**
   * Brings the balancers in line with the snapshot. Those of unchanged service ports are left alone. Returns the targets
   * that have left their service port, or whose service port is gone.
   */
  sync({ servicePorts }: Snapshot): readonly Target[] {
    const removed: Target[] = [];
    for (const [key, balancer] of this.#all) {
      if (servicePorts.has(key)) continue;
      // Nothing is left of it: its targets are removed, and flows that hold on to them know it.
      removed.push(...balancer.update({ ...balancer.servicePort, endpoints: [], eligible: [] }));
      this.#all.delete(key);
    }
    for (const [key, servicePort] of servicePorts) {
      const balancer = this.#all.get(key);
      if (balancer === undefined) this.#all.set(key, new Balancer({ ...this.#init, servicePort }));
      else if (balancer.servicePort !== servicePort) removed.push(...balancer.update(servicePort));
    }
    return removed;
  }
}
