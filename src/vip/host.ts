import type { RedirectWay } from '../config/vip-schema.ts';
import type { Ip } from '../model/address.ts';
import type { FrontendKey, Protocol } from '../model/keys.ts';

/** Who may come to a VIP: this host and the networks of `vip.redirect.from`, or everybody whose packets get here. */
export type Reach = 'inside' | 'everybody';

/** What clients connect to, and the relay's port that they get. */
export interface Redirection {
  readonly protocol: Protocol;
  readonly address: Ip;
  readonly port: number;
  readonly reach: Reach;
  /** The port on the relay address of the VIP's family. */
  readonly to: number;
}

export interface Redirect {
  /** The addresses that relay listeners are bound on, one per family. They are this host's alone. */
  readonly relay: { readonly IPv4: Ip; readonly IPv6: Ip };
  readonly via: RedirectWay;
  /** Networks (CIDR) whose forwarded traffic reaches ClusterIPs. */
  readonly from: readonly string[];
  readonly redirections: ReadonlyMap<FrontendKey, Redirection>;
}

/** What sluice wants the host to have: the whole of it, so that what is not here and is ours goes. */
export interface HostState {
  /** The interface that gets `addresses`. */
  readonly interface: string;
  /** Each is this host's alone: a /32 or a /128. */
  readonly addresses: ReadonlySet<Ip>;
  /** AnyIP: networks (CIDR) whose every address is local. */
  readonly routes: ReadonlySet<string>;
  readonly redirect: Redirect | undefined;
}

export const emptyHost: HostState = {
  interface: 'lo',
  addresses: new Set(),
  routes: new Set(),
  redirect: undefined,
};

export function isEmptyHost({ addresses, routes, redirect }: HostState): boolean {
  return addresses.size === 0 && routes.size === 0 && redirect === undefined;
}

/** Whether the two are the same state of a host, in whatever order. */
export function sameHost(one: HostState, other: HostState): boolean {
  return (
    one.interface === other.interface &&
    sameSet(one.addresses, other.addresses) &&
    sameSet(one.routes, other.routes) &&
    sameRedirect(one.redirect, other.redirect)
  );
}

function sameSet(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((item) => other.has(item));
}

function sameRedirect(one: Redirect | undefined, other: Redirect | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (one.via !== other.via) return false;
  if (one.from.join() !== other.from.join() || one.redirections.size !== other.redirections.size) return false;
  for (const [key, { to, reach }] of one.redirections) {
    const same = other.redirections.get(key);
    if (same === undefined || same.to !== to || same.reach !== reach) return false;
  }
  return true;
}
