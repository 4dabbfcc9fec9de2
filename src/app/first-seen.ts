import type { ServiceKey } from '../model/keys.ts';
import type { Service } from '../model/service.ts';

/** When services were first seen, on the wall clock: the age of those whose source does not say when they were made. */
export class FirstSeen {
  readonly #wallTime: () => number;
  #times: ReadonlyMap<ServiceKey, number> = new Map();

  constructor(wallTime: () => number) {
    this.#wallTime = wallTime;
  }

  /** These are all that there are now: whoever goes and comes back is seen for the first time again. */
  sync(services: ReadonlyMap<ServiceKey, Service>): void {
    const now = this.#wallTime();
    this.#times = new Map(Array.from(services.keys(), (key) => [key, this.#times.get(key) ?? now]));
  }

  /** RFC 3339, to the second as Kubernetes writes it: what the service says of itself, or else when it was first seen. */
  createdAt({ key, meta }: Service): string {
    if (meta?.createdAt !== undefined) return meta.createdAt;
    const seen = new Date(this.#times.get(key) ?? this.#wallTime());
    return seen.toISOString().replace(/\.\d+Z$/, 'Z');
  }
}
