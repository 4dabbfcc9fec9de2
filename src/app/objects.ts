import type { ObjectSource, SessionView } from '../admin/object-source.ts';
import type { Balancers } from '../frontend/balancers.ts';
import type { Frontends } from '../frontend/frontends.ts';
import type { Service } from '../model/service.ts';
import type { Table } from '../table/table.ts';
import type { FirstSeen } from './first-seen.ts';

export interface ObjectsInit {
  readonly table: Table;
  readonly balancers: Balancers;
  readonly frontends: Frontends;
  readonly firstSeen: FirstSeen;
}

/** What the admin server shows of the rooms to `sluice get`, `describe` and `explain`. */
export function liveObjects({ table, balancers, frontends, firstSeen }: ObjectsInit): ObjectSource {
  const view = (service: Service) => ({ service, createdAt: firstSeen.createdAt(service) });
  return {
    services: () => Array.from(table.snapshot.services.values(), view),
    servicePorts: () => balancers.values(),
    frontends: () => frontends.states(),
    sessions: () => sessionsOf(frontends),
    explain: (client, key) => frontends.explain(client, key),
  };
}

function* sessionsOf(frontends: Frontends): Iterable<SessionView> {
  for (const { frontend, listener } of frontends.listeners()) {
    for (const flow of listener.flows()) yield { frontend, flow };
  }
}
