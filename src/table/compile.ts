import { eligibleEndpoints, isLocal } from '../balance/eligibility.ts';
import type { Problem } from '../base/errors.ts';
import { familyOf, type IpFamily } from '../model/address.ts';
import { type EndpointKey, endpointKey, servicePortKey } from '../model/keys.ts';
import type { NodePlace } from '../model/node.ts';
import type { EndpointSlice, Service, ServicePortSpec, SliceEndpoint } from '../model/service.ts';
import { overrideSettings, type ServiceSettings } from '../model/settings.ts';
import type { Endpoint, Frontend, HealthCheck, Scope, ServicePort, Snapshot } from '../model/snapshot.ts';
import type { NodeInput } from './node.ts';
import { sameEndpoint, shareFrontend, shareHealthCheck, shareList, shareService, shareServicePort } from './share.ts';
import { type Scopes, SitePlan, scopesOf } from './sites.ts';

/** Everything that decides what becomes of one service. */
export interface ServiceInput {
  readonly service: Service;
  /** Its slices, of all feeds. */
  readonly slices: readonly EndpointSlice[];
  /** The settings that the service's own override. */
  readonly defaults: ServiceSettings;
  readonly node: NodeInput;
}

export interface CompiledService {
  readonly service: Service;
  /** One for each port and each IP family that has a VIP. */
  readonly servicePorts: readonly ServicePort[];
  /** One for each port and address of any kind. Another service may have claimed the same before. */
  readonly frontends: readonly Frontend[];
  readonly healthCheck?: HealthCheck;
  readonly problems: readonly Problem[];
}

/** What one service asks for; what equals its part of `previous` is the same object. */
export function compileService(input: ServiceInput, previous: Snapshot): CompiledService {
  const { service } = input;
  const families = [...new Set(service.vips.map(familyOf))];
  const settings = overrideSettings(input.defaults, service.settings);
  const { ports, problems } = distinctPorts(service);
  const servicePorts = ports.flatMap((port) =>
    families.map((family) => compilePort(input, port, family, settings, previous)),
  );
  const byKey = new Map(servicePorts.map((servicePort) => [servicePort.key, servicePort]));
  const plan = new SitePlan(service, input.node);
  const frontends = ports.flatMap(({ name, protocol, ...rest }) =>
    plan.sitesOf({ name, protocol, ...rest }).map((site): Frontend => {
      const servicePort = byKey.get(servicePortKey(service.key, name, protocol, familyOf(site.address)));
      if (servicePort === undefined) throw new Error(`no service port for ${site.key}`);
      return shareFrontend(previous.frontends.get(site.key), { protocol, servicePort, ...site });
    }),
  );
  const healthCheck = healthCheckOf(input, servicePorts, previous);
  return {
    service: shareService(previous.services.get(service.key), service),
    servicePorts,
    frontends,
    problems,
    ...(healthCheck !== undefined && { healthCheck }),
  };
}

/** kube-proxy's `LocalReadyEndpoints`: an endpoint of several ports or slices counts once. */
function healthCheckOf(
  { service, node }: ServiceInput,
  servicePorts: readonly ServicePort[],
  previous: Snapshot,
): HealthCheck | undefined {
  const { key, namespace, name, healthCheckNodePort: port } = service;
  if (port === undefined) return undefined;
  const local = servicePorts.flatMap(({ endpoints }) =>
    endpoints.filter((each) => each.ready && isLocal(each, node.place)),
  );
  const localEndpoints = new Set(local.map(({ address }) => address)).size;
  return shareHealthCheck(previous.healthChecks.get(key), { service: key, namespace, name, port, localEndpoints });
}

/** A service's ports are told apart by name and protocol; of two that cannot be, the first counts. */
function distinctPorts(service: Service): { ports: readonly ServicePortSpec[]; problems: readonly Problem[] } {
  const ports = new Map<string, ServicePortSpec>();
  const problems: Problem[] = [];
  for (const port of service.ports) {
    const known = ports.get(`${port.name}/${port.protocol}`);
    if (known === undefined) ports.set(`${port.name}/${port.protocol}`, port);
    else {
      const names = `${service.key}: the ${port.protocol} ports ${known.port} and ${port.port}`;
      problems.push({
        code: 'TABLE_PORT_DUPLICATE',
        message: `${names} are both named '${port.name}', only ${known.port} is served: give each its own name`,
      });
    }
  }
  return { ports: [...ports.values()], problems };
}

function compilePort(
  { service, slices, node }: ServiceInput,
  port: ServicePortSpec,
  family: IpFamily,
  settings: ServiceSettings,
  previous: Snapshot,
): ServicePort {
  const key = servicePortKey(service.key, port.name, port.protocol, family);
  const old = previous.servicePorts.get(key);
  const known = new Map(old?.endpoints.map((endpoint) => [endpoint.key, endpoint]));
  const endpoints = shareList(old?.endpoints ?? [], endpointsFor(service, slices, { ...port, known }, family));
  return shareServicePort(old, {
    key,
    service: service.key,
    namespace: service.namespace,
    name: service.name,
    portName: port.name,
    protocol: port.protocol,
    family,
    settings,
    endpoints,
    place: node.place,
    ...(service.affinityTimeoutMs === undefined ? {} : { affinityTimeoutMs: service.affinityTimeoutMs }),
    ...reachable(endpoints, scopesOf(service), node.place, old),
  });
}

type Reachable = Pick<ServicePort, 'eligible' | 'cluster' | 'local'>;

/** The endpoints for each scope that the service's traffic has, and all of them together. */
function reachable(
  endpoints: readonly Endpoint[],
  scopes: Scopes,
  place: NodePlace,
  old: ServicePort | undefined,
): Reachable {
  const share = (before: readonly Endpoint[] | undefined, scope: Scope) =>
    shareList(before ?? [], shareList(endpoints, eligibleEndpoints(endpoints, scope, place)));
  if (!scopes.local) return { eligible: share(old?.eligible, 'cluster') };
  const local = share(old?.local, 'local');
  if (!scopes.cluster) return { eligible: local, local };
  const cluster = share(old?.cluster, 'cluster');
  const reached = new Set([...cluster, ...local]);
  const eligible = endpoints.filter((endpoint) => reached.has(endpoint));
  return { eligible: shareList(old?.eligible ?? [], eligible), cluster, local };
}

interface WantedPort extends ServicePortSpec {
  /** Endpoints of the snapshot before, to be used again. */
  readonly known: ReadonlyMap<EndpointKey, Endpoint>;
}

/**
 * An endpoint serves VIPs of its own family (`ipFamilies`). A service with `crossFamily` may use the other family's, if
 * it has not a single endpoint of the VIP's, eligible or not: a mix would hide a wrong address.
 */
function endpointsFor(
  service: Service,
  slices: readonly EndpointSlice[],
  port: WantedPort,
  family: IpFamily,
): readonly Endpoint[] {
  const own = mergeSlices(slices, port, family);
  if (own.length > 0 || !service.crossFamily) return own;
  return mergeSlices(slices, port, family === 'IPv4' ? 'IPv6' : 'IPv4');
}

/**
 * All slices in their order; ports match by name and protocol. Of several endpoints with one ip:port one counts, in the
 * place of the first: the turn does not change with which of them it is.
 */
function mergeSlices(
  slices: readonly EndpointSlice[],
  { name, protocol, known }: WantedPort,
  family: IpFamily,
): readonly Endpoint[] {
  const merged = new Map<EndpointKey, Endpoint>();
  for (const slice of slices) {
    if (slice.family !== family) continue;
    for (const { name: slicePort, port, protocol: sliceProtocol } of slice.ports) {
      if (slicePort !== name || sliceProtocol !== protocol) continue;
      for (const endpoint of slice.endpoints) addEndpoint(merged, endpoint, port, known);
    }
  }
  return [...merged.values()];
}

/**
 * The fields that are copied come last, here and wherever there is one object an endpoint or service: what stands after
 * them gives every object a hidden class of its own, which is 400 bytes on Node.js 20.
 */
function addEndpoint(
  merged: Map<EndpointKey, Endpoint>,
  endpoint: SliceEndpoint,
  port: number,
  known: ReadonlyMap<EndpointKey, Endpoint>,
): void {
  const key = endpointKey(endpoint.address, port);
  const first = merged.get(key);
  if (first !== undefined && !outranks(endpoint, first)) return;
  const old = known.get(key);
  merged.set(key, old !== undefined && sameEndpoint(old, endpoint) ? old : { key, port, ...endpoint });
}

/**
 * An endpoint on its way from one slice to another is in both for a moment, and a new pod may have the address of one that
 * has not quite ended: what runs counts before what terminates (kube-proxy since kubernetes/kubernetes#135593). Of the
 * rest, what is ready counts before what is not: where a slice is behind, a try that fails costs less than a pod unused.
 */
function outranks(one: SliceEndpoint, other: SliceEndpoint): boolean {
  if (one.terminating !== other.terminating) return other.terminating;
  if (one.ready !== other.ready) return one.ready;
  return one.serving && !other.serving;
}
