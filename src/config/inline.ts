import { familyOf } from '../model/address.ts';
import type { FeedState } from '../model/feed-state.ts';
import { serviceKey } from '../model/keys.ts';
import type { EndpointSlice, Service, ServicePortSpec, SliceEndpoint, SlicePort } from '../model/service.ts';
import type { SettingsOverride, TcpSettings, UdpSettings } from '../model/settings.ts';
import { vipsOf } from './rules.ts';
import type { InlineBackend, InlineService } from './service-schema.ts';

/** Turns the compact services of a configuration into what a Kubernetes feed would have said. */
export function inlineState(services: readonly InlineService[]): FeedState {
  return { services: services.map(serviceOf), slices: services.flatMap(slicesOf) };
}

function serviceOf(inline: InlineService): Service {
  const { namespace, name, sessionAffinity } = inline;
  return {
    key: serviceKey(namespace, name),
    namespace,
    name,
    vips: vipsOf(inline),
    ...outsideOf(inline),
    ports: inline.ports.map(portOf),
    ...(sessionAffinity !== undefined && { affinityTimeoutMs: sessionAffinity }),
    settings: overrideOf(inline),
    crossFamily: true,
    meta: { targetPorts: Object.fromEntries(inline.ports.map(targetPortOf)) },
  };
}

function targetPortOf({ name = '', port, protocol, targetPort = port }: InlineService['ports'][number]) {
  return [`${name}/${protocol}`, String(targetPort)];
}

/** What is the default is absent, as in a Kubernetes Service. */
function outsideOf({ externalIPs, internalTrafficPolicy, externalTrafficPolicy }: InlineService): Partial<Service> {
  return {
    ...(externalIPs?.length && { externalIps: externalIPs }),
    ...(internalTrafficPolicy === 'Local' && { internalTrafficPolicy }),
    ...(externalTrafficPolicy === 'Local' && { externalTrafficPolicy }),
  };
}

function portOf({ name = '', port, protocol, nodePort }: InlineService['ports'][number]): ServicePortSpec {
  return { name, port, protocol, ...(nodePort !== undefined && { nodePort }) };
}

/**
 * One slice for each run of backends that share family and ports. Runs, not sets: the turn of round robin goes through
 * the slices in order, and must go through the backends as they are written. A backend with a port of its own serves
 * all ports of the service there.
 */
function slicesOf(inline: InlineService): readonly EndpointSlice[] {
  const runs: InlineBackend[][] = [];
  for (const backend of inline.backends) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run && last && sharesSlice(last, backend)) run.push(backend);
    else runs.push([backend]);
  }
  return runs.map((run, index) => sliceOf(inline, run, index));
}

function sharesSlice(one: InlineBackend, other: InlineBackend): boolean {
  return familyOf(one.address) === familyOf(other.address) && one.port === other.port;
}

function sliceOf(inline: InlineService, backends: readonly InlineBackend[], index: number): EndpointSlice {
  const { namespace, name } = inline;
  const [first] = backends;
  return {
    name: `${namespace}/${name}#${index}`,
    service: serviceKey(namespace, name),
    family: first?.address.includes(':') ? 'IPv6' : 'IPv4',
    ports: inline.ports.map((port) => slicePort(port, first?.port)),
    endpoints: backends.map(endpointOf),
  };
}

function slicePort(spec: InlineService['ports'][number], own: number | undefined): SlicePort {
  const { name = '', port, protocol, targetPort } = spec;
  return { name, port: own ?? targetPort ?? port, protocol };
}

/** A backend that is written as a text has none of the details, one that is written as a map may have all. */
type BackendDetails = Extract<InlineBackend, { weight?: number }>;

function endpointOf(backend: InlineBackend): SliceEndpoint {
  const { address, weight = 1, ready = true, node, zone } = backend as BackendDetails;
  return {
    address,
    ready,
    serving: ready,
    terminating: false,
    weight,
    ...(node !== undefined && { nodeName: node }),
    ...(zone !== undefined && { zone }),
  };
}

function overrideOf(service: InlineService): SettingsOverride {
  const { policy, limits, endpointDrainTimeout } = service;
  return defined<SettingsOverride>({
    policy,
    tcp: ifAny(tcpOverride(service)),
    udp: ifAny(udpOverride(service)),
    maxFlowsPerFrontend: limits?.flowsPerFrontend,
    maxFlowsPerService: limits?.flowsPerService,
    endpointDrainTimeoutMs: endpointDrainTimeout,
  });
}

function tcpOverride(service: InlineService): Partial<TcpSettings> {
  const { tcp = {}, proxyProtocol: { send, accept } = {}, clientAddress } = service;
  return defined<TcpSettings>({
    connectTimeoutMs: tcp.connectTimeout,
    connectBudgetMs: tcp.connectBudget,
    idleTimeoutMs: tcp.idleTimeout,
    halfClosedTimeoutMs: tcp.halfClosedTimeout,
    bufferBytes: tcp.buffer,
    noDelay: tcp.noDelay,
    keepAliveMs: tcp.keepAlive,
    userTimeoutMs: tcp.userTimeout,
    deferAcceptMs: tcp.deferAccept,
    sendProxy: send,
    acceptProxyFrom: accept?.from,
    proxyHeaderTimeoutMs: accept?.timeout,
    clientAddress,
  });
}

function udpOverride(service: InlineService): Partial<UdpSettings> {
  const { udp = {}, proxyProtocol: { sendUdp, accept } = {}, clientAddress } = service;
  return defined<UdpSettings>({
    idleTimeoutMs: udp.idleTimeout,
    oneway: udp.oneway,
    sendProxy: sendUdp,
    acceptProxyFrom: accept?.fromUdp,
    clientAddress,
  });
}

function ifAny<Part extends object>(part: Part): Part | undefined {
  return Object.keys(part).length > 0 ? part : undefined;
}

/** The keys that have a value: in an override, a key that is there counts. */
function defined<Whole extends object>(
  part: { readonly [Key in keyof Whole]: Whole[Key] | undefined },
): Partial<Whole> {
  return Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined)) as Partial<Whole>;
}
