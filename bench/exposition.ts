import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { servicesJson } from '../src/admin/services.ts';
import { systemClock } from '../src/base/clock.ts';
import { Metrics } from '../src/metrics/metrics.ts';
import type { LiveViews, ServicePortView } from '../src/metrics/views.ts';
import { parseIp } from '../src/model/address.ts';
import { endpointKey, frontendKey, serviceKey, servicePortKey } from '../src/model/keys.ts';
import { defaultSettings } from '../src/model/settings.ts';
import type { Endpoint, Frontend, ServicePort } from '../src/model/snapshot.ts';
import { Target, TargetStats } from '../src/model/target.ts';

/** What it costs to be looked at, and what each connection pays for it. */
export interface ExpositionRow {
  readonly what: string;
  readonly endpoints: number;
  readonly megabytes: number;
  readonly milliseconds: number;
  /** The longest that the event loop was held in one piece. */
  readonly longestMs: number;
}

const endpointsEach = 10;

export async function expositionRows(endpoints = 10_000): Promise<readonly ExpositionRow[]> {
  const views = viewsOf(endpoints);
  const metrics = new Metrics({ views, clock: systemClock, build: { version: 'bench', engine: 'net' } });
  for (const view of views.servicePorts()) traffic(metrics, view);
  const first = await measure('/metrics, first scrape', endpoints, () => metrics.expose());
  const later = await median(() => measure('/metrics, later scrapes', endpoints, () => metrics.expose()));
  const services = await median(() => measure('/services', endpoints, () => collect(servicesJson(views))));
  return [first, later, services];
}

/** Nanoseconds that the counters add to one connection: opened, connected, closed. */
export function connectionCostNs(connections = 500_000): number {
  const views = viewsOf(1_000);
  const { observer } = new Metrics({ views, clock: systemClock, build: { version: 'bench', engine: 'net' } });
  const cases = [...views.servicePorts()].map((view) => caseOf(view));
  const run = (count: number) => {
    for (let turn = 0; turn < count; turn += 1) {
      const { frontend, target, flow, ending } = cases[turn % cases.length] as Case;
      observer.flowOpened(frontend);
      observer.flowConnected(frontend, target, 0.2);
      observer.flowClosed(frontend, flow, ending);
    }
  };
  run(connections / 10);
  const start = systemClock.now();
  run(connections);
  return ((systemClock.now() - start) / connections) * 1e6;
}

type Case = ReturnType<typeof caseOf>;

function caseOf(view: ServicePortView) {
  const { servicePort } = view;
  const [target = new Target(endpointAt(0))] = view.targets.values();
  const frontend = frontendOf(servicePort);
  const client = { clientAddress: '192.0.2.1', clientPort: 1, tried: undefined, lease: undefined };
  const flow = { protocol: servicePort.protocol, frontend, ...client };
  const bytes = { bytesFromClient: 1, bytesFromEndpoint: 1, durationMs: 1, connectMs: 1 };
  const ending = { reason: 'closed', by: 'client', target, lastFailure: undefined, ...bytes } as const;
  return { frontend, target, flow, ending };
}

/** Each service port and endpoint has carried something: every series that a healthy process shows is there. */
function traffic(metrics: Metrics, view: ServicePortView): void {
  const { frontend, flow, ending } = caseOf(view);
  for (const target of view.targets.values()) {
    metrics.observer.flowOpened(frontend);
    metrics.observer.flowConnected(frontend, target, 0.2);
    metrics.observer.flowClosed(frontend, flow, { ...ending, target });
    Object.assign(target.stats, { opened: 12_345, closed: 12_000, bytesToEndpoint: 1e9, bytesFromEndpoint: 1e10 });
  }
}

async function measure(what: string, endpoints: number, make: () => Promise<string>): Promise<ExpositionRow> {
  let longestMs = 0;
  let going = true;
  const watch = async () => {
    for (let last = systemClock.now(); going; ) {
      await nextTurn();
      const now = systemClock.now();
      longestMs = Math.max(longestMs, now - last);
      last = now;
    }
  };
  const watching = watch();
  await nextTurn();
  const start = systemClock.now();
  const text = await make();
  const milliseconds = systemClock.now() - start;
  await nextTurn();
  going = false;
  await watching;
  return { what, endpoints, megabytes: text.length / 1e6, milliseconds, longestMs };
}

async function median(run: () => Promise<ExpositionRow>): Promise<ExpositionRow> {
  const rows: ExpositionRow[] = [];
  for (let round = 0; round < 5; round += 1) rows.push(await run());
  rows.sort((a, b) => a.milliseconds - b.milliseconds);
  return rows[2] as ExpositionRow;
}

async function collect(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

function viewsOf(endpoints: number): LiveViews {
  const ports = Array.from({ length: endpoints / endpointsEach }, (_, index) => viewOf(index));
  return {
    servicePorts: () => ports,
    frontends: () =>
      ports.map(({ servicePort }) => ({ frontend: frontendOf(servicePort), state: { kind: 'listening' } })),
    feeds: () => [],
    vips: () => ({ problems: [], cutOff: false }),
    snapshotVersion: () => 1,
    flowsLimit: () => 10_000,
    logLinesDropped: () => 0,
  };
}

function viewOf(index: number): ServicePortView {
  const servicePort = servicePortAt(index);
  const targets = new Map(servicePort.endpoints.map((endpoint) => [endpoint.key, new Target(endpoint)]));
  return { servicePort, targets, retired: new TargetStats(), affinityEntries: 0 };
}

function servicePortAt(index: number): ServicePort {
  const name = `service-${index}`;
  const service = serviceKey('default', name);
  const endpoints = Array.from({ length: endpointsEach }, (_, n) => endpointAt(index * endpointsEach + n));
  const key = servicePortKey(service, 'http', 'TCP', 'IPv4');
  const names = {
    key,
    service,
    namespace: 'default',
    name,
    portName: 'http',
    protocol: 'TCP',
    family: 'IPv4',
  } as const;
  return { ...names, settings: defaultSettings, endpoints, eligible: endpoints };
}

function endpointAt(index: number): Endpoint {
  const address = ipAt(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`);
  const conditions = { ready: true, serving: true, terminating: false, weight: 1 };
  return { key: endpointKey(address, 8080), address, port: 8080, ...conditions };
}

function frontendOf(servicePort: ServicePort): Frontend {
  const address = ipAt('10.96.0.1');
  const key = frontendKey('TCP', address, 80);
  return { key, protocol: 'TCP', address, port: 80, servicePort, kind: 'cluster', scope: 'cluster' };
}

function ipAt(text: string) {
  const address = parseIp(text);
  if (address === undefined) throw new Error(`no address: ${text}`);
  return address;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const row of await expositionRows()) {
    const { what, endpoints, megabytes, milliseconds, longestMs } = row;
    const cost = `${milliseconds.toFixed(0)} ms, longest block ${longestMs.toFixed(0)} ms`;
    console.log(`${what}, ${endpoints} endpoints: ${megabytes.toFixed(1)} MB in ${cost}`);
  }
  console.log(`counters: ${connectionCostNs().toFixed(0)} ns a connection`);
}
