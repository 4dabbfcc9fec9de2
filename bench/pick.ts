import { pathToFileURL } from 'node:url';
import { Balancer } from '../src/balance/balancer.ts';
import { createPicker } from '../src/balance/create-picker.ts';
import { systemClock } from '../src/base/clock.ts';
import { type Ip, parseIp } from '../src/model/address.ts';
import { endpointKey, serviceKey, servicePortKey } from '../src/model/keys.ts';
import type { EndpointSlice, Service, SliceEndpoint } from '../src/model/service.ts';
import { defaultSettings, policies, type ServiceSettings } from '../src/model/settings.ts';
import type { Endpoint, ServicePort } from '../src/model/snapshot.ts';
import { Target } from '../src/model/target.ts';
import { SnapshotBuilder } from '../src/table/build.ts';

/** What a decision costs, without any socket: one pick, one route, one rebuild of the table. */
export interface PickRow {
  readonly what: string;
  readonly endpoints: number;
  /** Balancers that live and are asked in turn; 1 for bare picks. */
  readonly services: number;
  readonly nanoseconds: number;
}

export interface RebuildRow {
  readonly what: string;
  readonly milliseconds: number;
}

const random = () => systemClock.random();
const clients = Array.from({ length: 1_024 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);

/** Nanoseconds for each pick of every policy and for `Balancer.route`; medians of five, about two seconds in all. */
export function pickRows(picks = 50_000): readonly PickRow[] {
  const sizes = [3, 100, 1_000];
  const bare = sizes.flatMap((endpoints) => [
    ...policies.map((policy) => pickRow(policy, endpoints, () => 1, picks)),
    pickRow('roundRobin', endpoints, (index) => 1 + (index % 2), picks, 'roundRobin, weighted'),
  ]);
  const routed = [1, 5_000].flatMap((services) => [
    routeRow('route', services, undefined, picks),
    routeRow('route, affinity', services, 10_800_000, picks),
  ]);
  return [...bare, ...routed];
}

function pickRow(
  policy: ServiceSettings['policy'],
  endpoints: number,
  weight: (index: number) => number,
  picks: number,
  what: string = policy,
): PickRow {
  const targets = endpointsOf(endpoints, weight).map((endpoint) => new Target(endpoint));
  const picker = createPicker(policy, { targets, previous: undefined, random });
  const pick = (turn: number) => picker.pick(clients[turn & 1_023] ?? '', undefined);
  return { what, endpoints, services: 1, nanoseconds: nanosecondsEach(pick, picks) };
}

function routeRow(what: string, services: number, affinityTimeoutMs: number | undefined, picks: number): PickRow {
  const endpoints = 10;
  const balancers = Array.from({ length: services }, (_, index) => balancerOf(index, endpoints, affinityTimeoutMs));
  // Each balancer is asked 64 times in a row: what is measured is the work, not the cache misses of 5,000 cold objects.
  const route = (turn: number) =>
    balancers[(turn >> 6) % services]?.route(clients[turn & 1_023] ?? '', turn, undefined);
  return { what, endpoints, services, nanoseconds: nanosecondsEach(route, picks) };
}

export function balancerOf(index: number, count: number, affinityTimeoutMs?: number): Balancer {
  const servicePort = servicePortOf(index, count, affinityTimeoutMs);
  return new Balancer({ servicePort, random, maxAffinityEntries: 65_536 });
}

export function servicePortOf(index: number, count: number, affinityTimeoutMs?: number): ServicePort {
  const endpoints = endpointsOf(count, () => 1);
  const service = serviceKey('default', `web${index}`);
  return {
    key: servicePortKey(service, 'http', 'TCP', 'IPv4'),
    service,
    namespace: 'default',
    name: `web${index}`,
    portName: 'http',
    protocol: 'TCP',
    family: 'IPv4',
    settings: defaultSettings,
    endpoints,
    eligible: endpoints,
    ...(affinityTimeoutMs === undefined ? {} : { affinityTimeoutMs }),
  };
}

/** Milliseconds for each rebuild of the table, with `services` × 10 endpoints; medians of nine. */
export function rebuildRows(services = 5_000): readonly RebuildRow[] {
  const builder = new SnapshotBuilder();
  const world = worldOf(services);
  const build = (slices: readonly EndpointSlice[], all: readonly Service[] = world.services) =>
    builder.build({ feeds: [{ name: 'bench', state: { services: all, slices } }], settings: defaultSettings });
  const first = millisecondsOf(() => build(world.slices));
  const again = medianOf(9, () => millisecondsOf(() => build(world.slices)));
  const one = medianOf(9, (round) => {
    const slices = world.slices.with(17, flipped(world.slices[17], round % 2 === 1));
    return millisecondsOf(() => build(slices));
  });
  const equal = medianOf(9, () => {
    const clone = worldOf(services);
    return millisecondsOf(() => build(clone.slices, clone.services));
  });
  return [
    { what: `first build, ${services} services`, milliseconds: first },
    { what: 'nothing changed', milliseconds: again },
    { what: 'one endpoint changed', milliseconds: one },
    { what: 'all objects new but equal', milliseconds: equal },
  ];
}

function worldOf(services: number): { services: readonly Service[]; slices: readonly EndpointSlice[] } {
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' as const }];
  const indices = Array.from({ length: services }, (_, index) => index);
  return {
    services: indices.map((index) => ({
      key: serviceKey('default', `web${index}`),
      namespace: 'default',
      name: `web${index}`,
      vips: [addressOf(9, index)],
      ports,
      settings: {},
      crossFamily: false,
    })),
    slices: indices.map((index) => ({
      name: `default/web${index}`,
      service: serviceKey('default', `web${index}`),
      family: 'IPv4',
      ports,
      endpoints: Array.from({ length: 10 }, (_, endpoint) => sliceEndpoint(addressOf(1, index * 10 + endpoint))),
    })),
  };
}

function flipped(slice: EndpointSlice | undefined, ready: boolean): EndpointSlice {
  if (slice === undefined) throw new Error('too few services');
  return { ...slice, endpoints: slice.endpoints.map((each, index) => (index === 3 ? { ...each, ready } : each)) };
}

function endpointsOf(count: number, weight: (index: number) => number): readonly Endpoint[] {
  return Array.from({ length: count }, (_, index) => {
    const address = addressOf(1, index);
    return { ...sliceEndpoint(address), weight: weight(index), key: endpointKey(address, 8080), port: 8080 };
  });
}

function sliceEndpoint(address: Ip): SliceEndpoint {
  return { address, ready: true, serving: true, terminating: false, weight: 1 };
}

function addressOf(second: number, index: number): Ip {
  const address = parseIp(`127.${second + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`);
  if (address === undefined) throw new Error(`no address ${index}`);
  return address;
}

function nanosecondsEach(call: (turn: number) => unknown, calls: number): number {
  for (let turn = 0; turn < calls / 5; turn += 1) call(turn);
  const round = () => {
    for (let turn = 0; turn < calls; turn += 1) call(turn);
  };
  return (medianOf(5, () => millisecondsOf(round)) * 1e6) / calls;
}

export function millisecondsOf(work: () => void): number {
  const start = systemClock.now();
  work();
  return systemClock.now() - start;
}

export function medianOf(times: number, measure: (round: number) => number): number {
  const sorted = Array.from({ length: times }, (_, round) => measure(round)).sort((one, other) => one - other);
  return sorted[times >> 1] ?? Number.NaN;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.table(pickRows().map((row) => ({ ...row, nanoseconds: Math.round(row.nanoseconds) })));
  console.table(rebuildRows().map((row) => ({ ...row, milliseconds: Number(row.milliseconds.toFixed(2)) })));
}
