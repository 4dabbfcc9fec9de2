import type { ServiceKey } from '../model/keys.ts';
import type { RejectReason } from '../model/reason.ts';
import type { Frontend } from '../model/snapshot.ts';

/** How many flows there are now, and whether there may be one more. One for the whole process. */
export class FlowLoad {
  /** The most flows at once. `Infinity`: no limit. */
  limit: number;
  /** Set when the process drains: no new flow is taken. */
  draining = false;
  #active = 0;
  readonly #byService = new Map<ServiceKey, number>();

  constructor(limit: number) {
    this.limit = limit;
  }

  get active(): number {
    return this.#active;
  }

  /** Why `frontend`, which has `onFrontend` flows now, gets no further one; `undefined`: it gets it. */
  refusal(frontend: Frontend, onFrontend: number): RejectReason | undefined {
    const { settings, service } = frontend.servicePort;
    if (this.draining) return 'shutdown';
    if (this.#active >= this.limit) return 'limit-process';
    if (onFrontend >= settings.maxFlowsPerFrontend) return 'limit-frontend';
    if (this.#onService(service) >= settings.maxFlowsPerService) return 'limit-service';
    return undefined;
  }

  opened({ servicePort: { service } }: Frontend): void {
    this.#active += 1;
    this.#byService.set(service, this.#onService(service) + 1);
  }

  closed({ servicePort: { service } }: Frontend): void {
    this.#active -= 1;
    const left = this.#onService(service) - 1;
    if (left === 0) this.#byService.delete(service);
    else this.#byService.set(service, left);
  }

  #onService(service: ServiceKey): number {
    return this.#byService.get(service) ?? 0;
  }
}
