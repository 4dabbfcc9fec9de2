import type { Ip } from '../model/address.ts';
import { familyOf } from '../model/address.ts';
import type { HostState } from './host.ts';

/**
 * What marks an address as sluice's: the metric of its prefix route, which for the address of one host means nothing
 * else. It is kept by the kernel for both families and shown by `ip -j` (ip-address(8) `metric`, Linux 4.18). The field
 * that is made for this, `proto`, needs a newer iproute2 than most hosts have, and IPv6 addresses have no label.
 */
export const addressMark = 377_292;
/** What marks a route as sluice's: its routing protocol (ip-route(8) `proto`), a number that nobody has registered. */
export const routeMark = 92;

export interface ActualAddress {
  readonly address: Ip;
  readonly interface: string;
  readonly prefix: number;
  readonly ours: boolean;
}

/** What the host has: all its addresses, and the AnyIP routes that are ours. */
export interface ActualIp {
  readonly addresses: readonly ActualAddress[];
  readonly routes: readonly string[];
}

export type IpChange =
  | { readonly kind: 'add-address'; readonly address: Ip; readonly interface: string }
  | { readonly kind: 'delete-address'; readonly address: Ip; readonly interface: string }
  | { readonly kind: 'add-route'; readonly route: string }
  | { readonly kind: 'delete-route'; readonly route: string };

/**
 * The changes that make the host what is desired. An address that somebody else has put on any interface is good
 * enough, and stays when it is desired no longer. New ones come before old ones go.
 */
export function planIp(desired: Pick<HostState, 'interface' | 'addresses' | 'routes'>, actual: ActualIp): IpChange[] {
  const isRight = (one: ActualAddress) => !one.ours || one.interface === desired.interface;
  const there = new Set(actual.addresses.filter(isRight).map(({ address }) => address));
  const routes = new Set(actual.routes);
  return [
    ...[...desired.addresses].filter((address) => !there.has(address)).map((address) => add(address, desired)),
    ...[...desired.routes].filter((route) => !routes.has(route)).map((route) => routeChange('add-route', route)),
    ...surplus(desired, actual.addresses).map(({ address, interface: name }): IpChange => {
      return { kind: 'delete-address', address, interface: name };
    }),
    ...actual.routes.filter((route) => !desired.routes.has(route)).map((route) => routeChange('delete-route', route)),
  ];
}

function add(address: Ip, { interface: name }: Pick<HostState, 'interface'>): IpChange {
  return { kind: 'add-address', address, interface: name };
}

function routeChange(kind: 'add-route' | 'delete-route', route: string): IpChange {
  return { kind, route };
}

/** Ours, and not desired, or on another interface than desired. */
function surplus(desired: Pick<HostState, 'interface' | 'addresses'>, actual: readonly ActualAddress[]) {
  return actual.filter((one) => {
    return one.ours && !(desired.addresses.has(one.address) && one.interface === desired.interface);
  });
}

/** One line of `ip -batch`. */
export function ipBatchLine(change: IpChange): string {
  switch (change.kind) {
    case 'add-route':
      return `route add local ${change.route} dev lo proto ${routeMark}`;
    case 'delete-route':
      return `route delete local ${change.route} dev lo proto ${routeMark}`;
    // Nobody else has the address, so nobody is asked (RFC 4862 section 5.4); until that is over it cannot be bound.
    case 'add-address':
      return `address add ${cidrOf(change)} dev ${change.interface} metric ${addressMark}${isSix(change) ? ' nodad' : ''}`;
    case 'delete-address':
      return `address delete ${cidrOf(change)} dev ${change.interface}`;
  }
}

function isSix({ address }: { readonly address: Ip }): boolean {
  return familyOf(address) === 'IPv6';
}

function cidrOf(change: { readonly address: Ip }): string {
  return `${change.address}/${isSix(change) ? 128 : 32}`;
}
