import type { Problem } from '../base/errors.ts';
import type { Ip } from '../model/address.ts';
import type { FrontendKey, ServiceKey, ServicePortKey } from '../model/keys.ts';
import type { Service } from '../model/service.ts';
import type { Frontend, HealthCheck, ServicePort, Snapshot } from '../model/snapshot.ts';
import type { CompiledService } from './compile.ts';
import { shareList } from './share.ts';

/** A whole snapshot in the making. */
export class Draft {
  readonly problems: Problem[] = [];
  readonly #frontends = new Map<FrontendKey, Frontend>();
  readonly #servicePorts = new Map<ServicePortKey, ServicePort>();
  readonly #services = new Map<ServiceKey, Service>();
  readonly #healthChecks = new Map<ServiceKey, HealthCheck>();
  readonly #nodePortAddresses: readonly Ip[];

  constructor(nodePortAddresses: readonly Ip[]) {
    this.#nodePortAddresses = nodePortAddresses;
  }

  add({ service, servicePorts, frontends, healthCheck, problems }: CompiledService, feed: string): void {
    if (healthCheck !== undefined) this.#healthChecks.set(service.key, healthCheck);
    this.#services.set(service.key, service);
    for (const servicePort of servicePorts) this.#servicePorts.set(servicePort.key, servicePort);
    for (const frontend of frontends) this.#claim(frontend, feed);
    for (const problem of problems) this.problems.push(problem);
  }

  /** A VIP:PORT/protocol belongs to the first that asks for it. */
  #claim(frontend: Frontend, feed: string): void {
    const owner = this.#frontends.get(frontend.key);
    if (owner === undefined) this.#frontends.set(frontend.key, frontend);
    else {
      const other = `service ${frontend.servicePort.service} of feed ${feed}`;
      this.problems.push({
        code: 'TABLE_VIP_CONFLICT',
        message: `${frontend.key} belongs to service ${owner.servicePort.service}, ${other} is not served there: give one of them another VIP or port`,
      });
    }
  }

  snapshotAfter(previous: Snapshot): Snapshot {
    const same =
      sameMap(previous.frontends, this.#frontends) &&
      sameMap(previous.servicePorts, this.#servicePorts) &&
      sameMap(previous.services, this.#services) &&
      sameMap(previous.healthChecks, this.#healthChecks) &&
      shareList(previous.nodePortAddresses, this.#nodePortAddresses) === previous.nodePortAddresses;
    if (same) return previous;
    return {
      version: previous.version + 1,
      frontends: this.#frontends,
      servicePorts: this.#servicePorts,
      services: this.#services,
      healthChecks: this.#healthChecks,
      nodePortAddresses: this.#nodePortAddresses,
    };
  }
}

function sameMap<K, T>(one: ReadonlyMap<K, T>, other: ReadonlyMap<K, T>): boolean {
  if (one.size !== other.size) return false;
  for (const [key, value] of one) if (other.get(key) !== value) return false;
  return true;
}
