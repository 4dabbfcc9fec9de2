import type { Target } from '../../src/model/target.ts';
import type { Place } from '../support/load.ts';
import { closedPort } from '../support/sockets.ts';

/** One TCP service of a configuration, as a line of YAML. `more`: further keys, e.g. `limits: { flowsPerService: 2 }`. */
export function service({ host, port }: Place, targets: readonly Target[], more = '', name = 'web'): string {
  const backends = targets.map(({ endpoint }) => JSON.stringify(endpoint.key)).join(', ');
  const extra = more === '' ? '' : `, ${more}`;
  return `  - { name: ${name}, vip: ${host}, ports: [{ port: ${port} }], backends: [${backends}]${extra} }`;
}

/** A whole configuration: services, and further lines of YAML. */
export function configOf(services: readonly string[], more = ''): string {
  return `${more}\nservices:\n${services.join('\n')}\n`;
}

/** A port of `host` that is free now. */
export async function frontendAt(host: string): Promise<Place> {
  return { host, port: await closedPort(host) };
}
