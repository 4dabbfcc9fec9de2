import type { Ip } from '../model/address.ts';
import { formatAddressPort } from '../model/address.ts';
import type { FrontendKey } from '../model/keys.ts';
import { frontendKey, serviceKey } from '../model/keys.ts';
import type { Fault } from './issues.ts';
import type { Path } from './path.ts';
import type { InlineBackend, InlineService } from './service-schema.ts';

/** A service that is right in itself, and where it stands. */
export interface PlacedService {
  readonly path: Path;
  readonly service: InlineService;
}

interface NamedPort {
  readonly name?: string | null | undefined;
  readonly port: number;
  readonly protocol: string;
}

export function vipsOf({ vip, vips }: InlineService): readonly Ip[] {
  return vips ?? (vip === undefined ? [] : [vip]);
}

/** What no single value shows: names that must differ, VIP:PORTs that two services want, doubles among backends. */
export function serviceFaults(services: readonly PlacedService[]): readonly Fault[] {
  return [
    ...services.flatMap(({ path, service }) => [
      ...vipFaults(service, path),
      ...portFaults(service.ports, [...path, 'ports']),
      ...backendFaults(service, path),
    ]),
    ...doubleNames(services),
    ...doubleFrontends(services),
  ];
}

function vipFaults({ vip, vips }: InlineService, path: Path): readonly Fault[] {
  if (vip === undefined && vips === undefined)
    return [
      {
        code: 'CONFIG_MISSING_KEY',
        path,
        message: 'a service needs vip (or vips): the address that clients connect to',
      },
    ];
  if (vip !== undefined && vips !== undefined)
    return [{ code: 'CONFIG_VALUE', path: [...path, 'vip'], message: 'vip and vips are both there; keep one of them' }];
  return doubles(vipsOf({ vip, vips } as InlineService), String).map(([index, address]) => {
    return { code: 'CONFIG_DUPLICATE', path: [...path, 'vips', index], message: `${address} is in the list twice` };
  });
}

/** Kubernetes `ServiceSpec.ports`: names are needed as soon as there are two, and differ; so do port/protocol pairs. */
export function portFaults(ports: readonly NamedPort[], path: Path): readonly Fault[] {
  const unnamed = ports.flatMap(({ name }, index) => (ports.length > 1 && !name ? [index] : []));
  return [
    ...unnamed.map((index) => {
      const message = 'a port needs a name when the service has several';
      return { code: 'CONFIG_MISSING_KEY', path: [...path, index], message };
    }),
    ...doubles(ports, ({ name }) => name || undefined).map(([index, name]) => {
      return { code: 'CONFIG_DUPLICATE', path: [...path, index, 'name'], message: `two ports are named "${name}"` };
    }),
    ...doubles(ports, ({ port, protocol }) => `${port}/${protocol}`).map(([index, port]) => {
      return { code: 'CONFIG_DUPLICATE', path: [...path, index, 'port'], message: `${port} is there twice` };
    }),
  ];
}

function backendFaults({ backends, ports }: InlineService, path: Path): readonly Fault[] {
  const target = (backend: InlineBackend) =>
    new Set(ports.map((port) => formatAddressPort(backend.address, backend.port ?? port.targetPort ?? port.port)));
  return doubles(backends, (backend) => [...target(backend)].join(' and ')).map(([index, key]) => {
    const message = `${key} is there twice; give it a weight to have it chosen more often`;
    return { code: 'CONFIG_DUPLICATE', path: [...path, 'backends', index], message };
  });
}

function doubleNames(services: readonly PlacedService[]): readonly Fault[] {
  return doubles(services, ({ service }) => serviceKey(service.namespace, service.name)).flatMap(([index, key]) => {
    const path = [...(services[index]?.path ?? []), 'name'];
    return [{ code: 'CONFIG_DUPLICATE', path, message: `there is another service ${key}; rename one of them` }];
  });
}

function doubleFrontends(services: readonly PlacedService[]): readonly Fault[] {
  const owners = new Map<FrontendKey, PlacedService>();
  const faults: Fault[] = [];
  for (const placed of services) {
    for (const { key, index } of frontendsOf(placed.service)) {
      const owner = owners.get(key);
      if (owner === undefined) owners.set(key, placed);
      else if (owner !== placed)
        faults.push(takenFrontend(key, owner.service, [...placed.path, 'ports', index, 'port']));
    }
  }
  return faults;
}

function takenFrontend(key: FrontendKey, owner: InlineService, path: Path): Fault {
  const message = `${key} belongs to service ${serviceKey(owner.namespace, owner.name)} already; take another vip or port`;
  return { code: 'CONFIG_DUPLICATE', path, message };
}

function frontendsOf(service: InlineService): readonly { key: FrontendKey; index: number }[] {
  return vipsOf(service).flatMap((vip) =>
    service.ports.map(({ protocol, port }, index) => ({ key: frontendKey(protocol, vip, port), index })),
  );
}

/** The items whose key an earlier item has, with their index. Items without a key are not compared. */
function doubles<Item>(items: readonly Item[], keyOf: (item: Item) => string | undefined): [number, string][] {
  const seen = new Set<string>();
  return items.flatMap((item, index): [number, string][] => {
    const key = keyOf(item);
    if (key === undefined) return [];
    if (seen.has(key)) return [[index, key]];
    seen.add(key);
    return [];
  });
}
