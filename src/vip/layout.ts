import type { Problem } from '../base/errors.ts';
import type { VipConfig } from '../config/vip-schema.ts';
import { familyOf, type Ip, parseIp } from '../model/address.ts';
import { AddressSet } from '../model/address-set.ts';
import { type FrontendKey, frontendKey, type Protocol } from '../model/keys.ts';
import type { Frontend } from '../model/snapshot.ts';
import { emptyHost, type HostState, type Redirection, sameHost } from './host.ts';
import { RelayPorts } from './relay-ports.ts';

/** Where a frontend is listened on. */
export interface Place {
  readonly protocol: Protocol;
  readonly address: Ip;
  readonly port: number;
  /** The address need not be on this host yet. */
  readonly freeBind?: boolean;
  /** Connections to other addresses are brought here, as they are (TPROXY). */
  readonly transparent?: boolean;
}

/** How the VIPs of one snapshot land on this host. */
export interface Layout {
  /** Where each frontend is listened on; nowhere if it is missing, for a reason that is among `problems`. */
  readonly places: ReadonlyMap<FrontendKey, Place>;
  readonly host: HostState;
  readonly problems: readonly Problem[];
}

/** "sl" and "sluice" in ASCII, in the link-local and the unique local network: on no host by chance. */
export const relayAddresses = { IPv4: '169.254.115.108' as Ip, IPv6: 'fd73:6c75:6963:65::1' as Ip } as const;

export interface LayoutInput {
  readonly frontends: readonly Frontend[];
  /** Networks of this node's pods, which reach ClusterIPs as `vip.redirect.from` does. */
  readonly podCidrs: readonly string[];
}

/** Lays out one snapshot after the other. It remembers only which ports it gave to whom, and the last host. */
export class Layouts {
  readonly #ports = new RelayPorts();
  #host: HostState = emptyHost;

  /** The same host is the same object: most snapshots change endpoints only. */
  layout(config: VipConfig, input: LayoutInput): Layout {
    const layout = this.#layout(config, input);
    if (!sameHost(this.#host, layout.host)) this.#host = layout.host;
    return { ...layout, host: this.#host };
  }

  #layout(config: VipConfig, input: LayoutInput): Layout {
    switch (config.mode) {
      case 'listen':
        return { ...(config.listen.freeBind ? listenFreely(input) : listen(input)), host: emptyHost };
      case 'assign':
        return { ...listen(input), host: assign(config.assign, input) };
      case 'loopback':
        return loopback(input);
      case 'redirect':
        return redirect(config.redirect, input, this.#ports);
    }
  }
}

function listen({ frontends }: LayoutInput): Pick<Layout, 'places' | 'problems'> {
  return { places: new Map(frontends.map((frontend) => [frontend.key, frontend])), problems: [] };
}

/** The addresses may come later, and go, as floating ones do (RFC 9568, VRRP): the listeners stay. */
function listenFreely({ frontends }: LayoutInput): Pick<Layout, 'places' | 'problems'> {
  const placeOf = ({ protocol, address, port }: Frontend): Place => ({ protocol, address, port, freeBind: true });
  return { places: new Map(frontends.map((frontend) => [frontend.key, placeOf(frontend)])), problems: [] };
}

/**
 * Every VIP that is not the node's own anyway becomes an address of the interface, unless an AnyIP route makes it local.
 * IPv6 needs both: it binds only addresses that an interface has (or `net.ipv6.ip_nonlocal_bind`).
 */
function assign({ interface: name, anyIp }: VipConfig['assign'], { frontends }: LayoutInput): HostState {
  const covered = new AddressSet(anyIp.filter((cidr) => !cidr.includes(':')));
  const addresses = new Set<Ip>();
  for (const { address, kind } of frontends) {
    if (kind !== 'node-port' && !isLoopback(address) && !covered.has(address)) addresses.add(address);
  }
  return { ...emptyHost, interface: name, addresses, routes: new Set(anyIp) };
}

function isLoopback(address: Ip): boolean {
  return address === '::1' || address.startsWith('127.');
}

/** 10.104.58.143 → 127.104.58.143: the whole of 127.0.0.0/8 is local, and may be bound without privileges. */
export function loopbackOf(address: Ip): Ip | undefined {
  return familyOf(address) === 'IPv4' ? parseIp(address.replace(/^\d+/, '127')) : undefined;
}

function loopback({ frontends }: LayoutInput): Layout {
  const places = new Map<FrontendKey, Place>();
  const owners = new Map<FrontendKey, Frontend>();
  const problems: Problem[] = [];
  for (const frontend of frontends) {
    const { key, protocol, port } = frontend;
    const address = isLoopback(frontend.address) ? frontend.address : loopbackOf(frontend.address);
    if (address === undefined) {
      const message = `${key} has no counterpart on loopback, where IPv6 has a single address: give the service an IPv4 VIP, or take another vip.mode`;
      problems.push({ code: 'VIP_LOOPBACK_FAMILY', message });
      continue;
    }
    const place = frontendKey(protocol, address, port);
    const owner = owners.get(place);
    if (owner !== undefined) {
      const message = `${key} and ${owner.key} are both ${place} on loopback, where only the latter is served: give one of them another port or VIP`;
      problems.push({ code: 'VIP_LOOPBACK_COLLISION', message });
      continue;
    }
    owners.set(place, frontend);
    places.set(key, { protocol, address, port });
  }
  return { places, host: emptyHost, problems };
}

/**
 * Frontends of one service port whose clients are treated alike share a listener, however many VIPs they have. Those
 * with `nearby` have the same, the node's, and those with `sources` the service's: which ones these are is not in the name, so
 * that a change of them leaves the listener, and UDP sessions with it, as it is. A transparent socket is another one.
 */
function listenerName({ servicePort, scope, nearby, sources }: Frontend, isTransparent: boolean): string {
  const name = `${servicePort.key} ${scope} ${nearby ? 'nearby' : '-'} ${sources ? 'sources' : '-'}`;
  return isTransparent ? `${name} transparent` : name;
}

function redirect({ via, from }: VipConfig['redirect'], input: LayoutInput, relayPorts: RelayPorts): Layout {
  const frontends = input.frontends.map((frontend) => {
    const isTransparent = via === 'tproxy' && frontend.protocol === 'TCP';
    return { frontend, isTransparent, name: listenerName(frontend, isTransparent) };
  });
  const spaces = new Map(
    frontends.map(({ frontend: { protocol, address }, name }) => [name, `${protocol} ${familyOf(address)}`]),
  );
  const ports = relayPorts.assign(spaces.keys(), (name) => spaces.get(name) ?? '');
  const places = new Map<FrontendKey, Place>();
  const redirections = new Map<FrontendKey, Redirection>();
  const problems: Problem[] = [];
  for (const { frontend, isTransparent, name } of frontends) {
    const { key, protocol, address, port, kind } = frontend;
    const to = ports.get(name);
    if (to === undefined) {
      const message = `${key} is not served: the relay address has no port left, as there are too many services for one host`;
      problems.push({ code: 'VIP_RELAY_PORTS', message });
      continue;
    }
    const place = { protocol, address: relayAddresses[familyOf(address)], port: to };
    places.set(key, isTransparent ? { ...place, transparent: true } : place);
    redirections.set(key, { protocol, address, port, to, reach: kind === 'cluster' ? 'inside' : 'everybody' });
  }
  const families = new Set(Array.from(redirections.values(), ({ address }) => familyOf(address)));
  const addresses = new Set([...families].map((family) => relayAddresses[family]));
  const allFrom = [...new Set([...from, ...input.podCidrs])].sort();
  return {
    places,
    host: { ...emptyHost, addresses, redirect: { via, relay: relayAddresses, from: allFrom, redirections } },
    problems,
  };
}
