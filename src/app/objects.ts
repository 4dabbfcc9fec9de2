import type { ObjectSource, SessionView } from '../admin/object-source.ts';
import type { Balancers } from '../frontend/balancers.ts';
import type { Frontends } from '../frontend/frontends.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Service } from '../model/service.ts';
import type { Table } from '../table/table.ts';
import type { FirstSeen } from './first-seen.ts';
import type { VipHost } from './vip-host.ts';

export interface ObjectsInit {
  readonly table: Table;
  readonly balancers: Balancers;
  readonly frontends: Frontends;
  readonly firstSeen: FirstSeen;
  readonly vipHost: VipHost;
  readonly metrics: Metrics;
}

/** What the admin server shows of the rooms to `sluice get`, `describe` and `explain`. */
export function liveObjects({ table, balancers, frontends, firstSeen, vipHost, metrics }: ObjectsInit): ObjectSource {
  const view = (service: Service) => ({ service, createdAt: firstSeen.createdAt(service) });
  return {
    services: () => Array.from(table.snapshot.services.values(), view),
    servicePorts: () => balancers.values(),
    frontends: () => frontends.states(),
    sessions: () => sessionsOf(frontends),
    failedTries: (target) => metrics.failedTries(target),
    explain: (client, key) => {
      const route = frontends.explain(client, key);
      const obstacle = route && vipHost.obstacle(client, route.frontend);
      return route && { ...route, ...(obstacle !== undefined && { obstacle }) };
    },
  };
}

function* sessionsOf(frontends: Frontends): Iterable<SessionView> {
  for (const { frontend, listener } of frontends.listeners()) {
    for (const flow of listener.flows()) yield { frontend, flow };
  }
}
