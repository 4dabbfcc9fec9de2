import type {
  EndpointSubset,
  EndpointsObject,
  FrontendItem,
  Labels,
  ServiceObject,
  SessionItem,
} from '../admin/shapes.ts';
import { ageSince, formatAge } from './age.ts';

export interface Column<Item> {
  readonly header: string;
  /** Only with `-o wide`. */
  readonly wide?: true;
  /** It changes by itself as time goes by: no news for `--watch`. */
  readonly ticks?: true;
  readonly cell: (item: Item, nowMs: number) => string;
}

/** Something that there is to get. */
export interface Resource<Item> {
  /** The plural, as in the path and in messages. */
  readonly name: string;
  readonly aliases: readonly string[];
  readonly columns: readonly Column<Item>[];
  readonly namespace: (item: Item) => string;
  /** What `NAME` is compared with; several: any of them. */
  readonly names: (item: Item) => readonly [string, ...string[]];
  /** `TYPE/NAME`, as `-o name` prints it. */
  readonly id: (item: Item) => string;
}

const none = '<none>';

const services: Resource<ServiceObject> = {
  name: 'services',
  aliases: ['service', 'svc'],
  columns: [
    { header: 'NAME', cell: ({ metadata }) => metadata.name },
    { header: 'TYPE', cell: ({ spec }) => spec.type },
    { header: 'CLUSTER-IP', cell: ({ spec }) => spec.clusterIP ?? none },
    { header: 'EXTERNAL-IP', cell: externalIps },
    { header: 'PORT(S)', cell: ({ spec }) => spec.ports.map(portCell).join(',') || none },
    { header: 'AGE', ticks: true, cell: ({ metadata }, now) => ageSince(metadata.creationTimestamp, now) },
    { header: 'SELECTOR', wide: true, cell: ({ spec }) => labelsText(spec.selector ?? {}) },
  ],
  namespace: ({ metadata }) => metadata.namespace,
  names: ({ metadata }) => [metadata.name],
  id: ({ metadata }) => `service/${metadata.name}`,
};

const endpoints: Resource<EndpointsObject> = {
  name: 'endpoints',
  aliases: ['endpoint', 'ep'],
  columns: [
    { header: 'NAME', cell: ({ metadata }) => metadata.name },
    { header: 'ENDPOINTS', cell: ({ subsets }) => firstFew(subsets.flatMap(readyOf)) },
    { header: 'AGE', ticks: true, cell: ({ metadata }, now) => ageSince(metadata.creationTimestamp, now) },
  ],
  namespace: ({ metadata }) => metadata.namespace,
  names: ({ metadata }) => [metadata.name],
  id: ({ metadata }) => `endpoints/${metadata.name}`,
};

const frontends: Resource<FrontendItem> = {
  name: 'frontends',
  aliases: ['frontend', 'fe'],
  columns: [
    { header: 'FRONTEND', cell: frontendName },
    { header: 'SERVICE', cell: serviceName },
    { header: 'STATE', cell: ({ state }) => state },
    { header: 'ACTIVE', cell: ({ active }) => String(active) },
    { header: 'POLICY', cell: ({ policy }) => policy },
    { header: 'ELIGIBLE', wide: true, cell: ({ eligible, endpoints: all }) => `${eligible}/${all}` },
    { header: 'MESSAGE', wide: true, cell: ({ message }) => message ?? none },
  ],
  namespace: ({ namespace }) => namespace,
  names: (item) => [frontendName(item), item.vip],
  id: (item) => `frontend/${frontendName(item)}`,
};

const sessions: Resource<SessionItem> = {
  name: 'sessions',
  aliases: ['session'],
  columns: [
    { header: 'CLIENT', cell: ({ client }) => client },
    { header: 'FRONTEND', cell: ({ frontend, protocol }) => `${frontend}/${protocol}` },
    { header: 'ENDPOINT', cell: ({ endpoint }) => endpoint ?? none },
    { header: 'AGE', ticks: true, cell: ({ ageMs }) => formatAge(ageMs) },
    { header: 'IDLE', ticks: true, cell: ({ idleMs }) => formatAge(idleMs) },
    { header: 'BYTES-IN', cell: ({ bytesFromClient }) => String(bytesFromClient) },
    { header: 'BYTES-OUT', cell: ({ bytesFromEndpoint }) => String(bytesFromEndpoint) },
    { header: 'SERVICE', wide: true, cell: serviceName },
  ],
  namespace: ({ namespace }) => namespace,
  names: ({ client, protocol }) => [
    `${client}/${protocol}`,
    client,
    client.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''),
  ],
  id: ({ client, protocol }) => `session/${client}/${protocol}`,
};

/** What the items of a list are is known by their path: nobody else looks into them. */
export type AnyResource = Resource<unknown>;

const all = [services, endpoints, frontends, sessions] as unknown as readonly AnyResource[];

export const resourceNames: readonly string[] = all.map(({ name }) => name);

/** The resource that is called this, by any of its names. */
export function resourceOf(word: string): AnyResource | undefined {
  const wanted = word.toLowerCase();
  return all.find(({ name, aliases }) => name === wanted || aliases.includes(wanted));
}

/** The first three, then how many more there are. */
export function firstFew(texts: readonly string[], most = 3): string {
  if (texts.length === 0) return none;
  const more = texts.length - most;
  return texts.slice(0, most).join(',') + (more > 0 ? ` + ${more} more...` : '');
}

/** `k=v,k=v`, by key. */
export function labelsText(labels: Labels, separator = ','): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.sort().join(separator) || none;
}

function externalIps({ spec, status }: ServiceObject): string {
  if (spec.type === 'ExternalName') return spec.externalName ?? none;
  const balanced = status.loadBalancer.ingress?.map(({ ip }) => ip) ?? [];
  const addresses = [...balanced, ...(spec.externalIPs ?? [])].join(',');
  return addresses || (spec.type === 'LoadBalancer' ? '<pending>' : none);
}

function portCell({ port, nodePort, protocol }: ServiceObject['spec']['ports'][number]): string {
  return `${port}${nodePort === undefined ? '' : `:${nodePort}`}/${protocol}`;
}

function readyOf({ addresses = [], ports }: EndpointSubset): readonly string[] {
  return ports.flatMap(({ port }) =>
    addresses.map(({ ip }) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)),
  );
}

function frontendName({ vip, protocol }: FrontendItem): string {
  return `${vip}/${protocol}`;
}

function serviceName({ service, port }: FrontendItem | SessionItem): string {
  return port === '' ? service : `${service}:${port}`;
}
