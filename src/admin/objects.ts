import type { FrontendStatus } from '../frontend/frontends.ts';
import { formatAddressPort } from '../model/address.ts';
import type { ServiceKey } from '../model/keys.ts';
import type { Frontend, ServicePort } from '../model/snapshot.ts';
import { endpointsObject } from './endpoints-object.ts';
import { jsonList } from './json-list.ts';
import type { ObjectSource, ServiceView, SessionView } from './object-source.ts';
import type { ListQuery } from './query.ts';
import { serviceObject } from './service-object.ts';
import type { FrontendItem, Labels, SessionItem } from './shapes.ts';

/** What there is to `get`, by its name in the path. */
export const objectLists: Readonly<Record<string, (source: ObjectSource, query: ListQuery) => AsyncGenerator<string>>> =
  {
    services: (source, query) => list(namedServices(source, query), serviceObject),
    endpoints: (source, query) => {
      const ports = servicePortsOf(source);
      return list(namedServices(source, query).filter(isProxied), (view) =>
        endpointsObject(view, ports.get(view.service.key) ?? []),
      );
    },
    frontends: (source, query) => list(matching(source, query, source.frontends(), namesOfFrontend), frontendItem),
    sessions: (source, query) => list(matching(source, query, source.sessions(), namesOfSession), sessionItem),
  };

function list<T>(sources: Iterable<T>, toItem: (source: T) => unknown): AsyncGenerator<string> {
  return jsonList('{"apiVersion":"v1","kind":"List","items":[', sources, toItem);
}

function namedServices(source: ObjectSource, query: ListQuery): readonly ServiceView[] {
  const views = [...source.services()].filter(
    ({ service }) => query.service(keyed(service, service.meta?.labels)) && query.name(service.name),
  );
  return views.sort((one, other) => byService(one.service, other.service));
}

/** The endpoints of the others are nobody's that sluice would give traffic to. */
function isProxied({ service }: ServiceView): boolean {
  return service.notProxied === undefined;
}

/** Of what belongs to frontends: what belongs to a service that is meant, and is called as is meant. */
function matching<T extends { readonly frontend: Frontend }>(
  source: ObjectSource,
  query: ListQuery,
  items: Iterable<T>,
  namesOf: (item: T) => readonly string[],
): readonly T[] {
  const labels = new Map([...source.services()].map(({ service }) => [service.key, service.meta?.labels]));
  const wanted = [...items].filter((item) => {
    const { servicePort } = item.frontend;
    return query.service(keyed(servicePort, labels.get(servicePort.service))) && namesOf(item).some(query.name);
  });
  return wanted.sort((one, other) => byService(one.frontend.servicePort, other.frontend.servicePort));
}

function keyed({ namespace }: { readonly namespace: string }, labels: Labels = {}) {
  return { namespace, labels };
}

interface Named {
  readonly namespace: string;
  readonly name: string;
}

function byService(one: Named, other: Named): number {
  return compare(one.namespace, other.namespace) || compare(one.name, other.name);
}

function compare(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1;
}

/** All ports of each service. */
function servicePortsOf(source: Pick<ObjectSource, 'servicePorts'>): ReadonlyMap<ServiceKey, ServicePort[]> {
  const ports = new Map<ServiceKey, ServicePort[]>();
  for (const { servicePort } of source.servicePorts()) {
    const group = ports.get(servicePort.service);
    if (group === undefined) ports.set(servicePort.service, [servicePort]);
    else group.push(servicePort);
  }
  return ports;
}

function vipOf({ frontend }: { readonly frontend: Frontend }): string {
  return formatAddressPort(frontend.address, frontend.port);
}

function namesOfFrontend({ frontend }: FrontendStatus): readonly string[] {
  return [vipOf({ frontend }), frontend.key];
}

function namesOfSession({ frontend, flow }: SessionView): readonly string[] {
  const client = formatAddressPort(flow.clientAddress, flow.clientPort);
  return [flow.clientAddress, client, `${client}/${frontend.protocol}`];
}

function frontendItem({ frontend, state, active }: FrontendStatus): FrontendItem {
  const { namespace, name, portName, settings, endpoints, eligible } = frontend.servicePort;
  return {
    kind: 'Frontend',
    namespace,
    service: name,
    port: portName,
    vip: vipOf({ frontend }),
    protocol: frontend.protocol,
    state: state.kind,
    ...(state.kind === 'failed' && { message: state.message }),
    active,
    policy: settings.policy,
    endpoints: endpoints.length,
    eligible: eligible.length,
  };
}

function sessionItem({ frontend, flow }: SessionView): SessionItem {
  const { namespace, name, portName } = frontend.servicePort;
  return {
    kind: 'Session',
    namespace,
    service: name,
    port: portName,
    client: formatAddressPort(flow.clientAddress, flow.clientPort),
    frontend: vipOf({ frontend }),
    protocol: frontend.protocol,
    ...(flow.target !== undefined && { endpoint: flow.target.endpoint.key }),
    ageMs: Math.round(flow.ageMs),
    idleMs: Math.round(flow.idleMs),
    bytesFromClient: flow.bytesFromClient,
    bytesFromEndpoint: flow.bytesFromEndpoint,
  };
}
