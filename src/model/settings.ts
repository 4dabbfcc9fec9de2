/** Versions of the PROXY protocol (HAProxy's doc/proxy-protocol.txt). */
export const proxyVersions = ['v1', 'v2'] as const;
export type ProxyVersion = (typeof proxyVersions)[number];

/** Whom an endpoint sees: the client itself (IP_TRANSPARENT, ip(7); native engine), or this host in its place. */
export const clientAddressModes = ['keep', 'replace'] as const;
export type ClientAddressMode = (typeof clientAddressModes)[number];

/** How a service's flows are treated. Everything has a default; a service overrides what it needs. */
export interface TcpSettings {
  /** One try to connect to an endpoint. */
  readonly connectTimeoutMs: number;
  /** All tries for one connection together. */
  readonly connectBudgetMs: number;
  /** No byte either way for this long ends the connection. `Infinity`: never. */
  readonly idleTimeoutMs: number;
  /** After one side has finished: how long the other may be silent. `Infinity`: for ever. */
  readonly halfClosedTimeoutMs: number;
  /** The most that is held in this process for one direction of one connection. */
  readonly bufferBytes: number;
  /** TCP_NODELAY on both sides (tcp(7)). */
  readonly noDelay: boolean;
  /** Idle time before the first keepalive probe, SO_KEEPALIVE on both sides. `Infinity`: none. */
  readonly keepAliveMs: number;
  /** How long bytes may stay unacknowledged: TCP_USER_TIMEOUT on both sides (tcp(7)). `Infinity`: the system's. Native engine. */
  readonly userTimeoutMs: number;
  /** How long a client is left with the kernel until its first byte comes: TCP_DEFER_ACCEPT. `Infinity`: not at all. Native engine. */
  readonly deferAcceptMs: number;
  /** The PROXY header that tells an endpoint who the client is, and which VIP:PORT it asked for, before the client's first byte. */
  readonly sendProxy: ProxyVersion | 'off';
  /**
   * Addresses and CIDRs, in canonical form, of the proxies in front of us. Their connections must begin with a PROXY
   * header of either version, and who it names is the client. What anybody else sends is payload.
   */
  readonly acceptProxyFrom: readonly string[];
  /** How long such a header may take, from the accepted connection to its last byte. */
  readonly proxyHeaderTimeoutMs: number;
  readonly clientAddress: ClientAddressMode;
}

export interface UdpSettings {
  /** No datagram either way for this long ends the session. */
  readonly idleTimeoutMs: number;
  /** The service never replies (syslog, statsd): sessions are not kept for replies that cannot come. */
  readonly oneway: boolean;
  /** A PROXY header before every datagram to an endpoint: who the client is, and which VIP:PORT it sent to. */
  readonly sendProxy: 'v2' | 'off';
  /**
   * Addresses and CIDRs, in canonical form, of the proxies in front of us. Their datagrams begin with a PROXY header,
   * each or the first from a port, and who it names is the client; replies go to the proxy, without one.
   */
  readonly acceptProxyFrom: readonly string[];
  readonly clientAddress: ClientAddressMode;
}

/** How one endpoint is chosen among the eligible ones. */
export const policies = ['roundRobin', 'leastConnections', 'powerOfTwo', 'random', 'maglev'] as const;
export type Policy = (typeof policies)[number];

export interface ServiceSettings {
  readonly policy: Policy;
  readonly tcp: TcpSettings;
  readonly udp: UdpSettings;
  /** The most flows at once on one frontend (VIP:PORT). `Infinity`: no limit. */
  readonly maxFlowsPerFrontend: number;
  /** The most flows at once on all frontends of a service. `Infinity`: no limit. */
  readonly maxFlowsPerService: number;
  /** How long established TCP connections outlive their removed endpoint. `Infinity`: as long as they like. */
  readonly endpointDrainTimeoutMs: number;
}

export const defaultSettings: ServiceSettings = {
  policy: 'roundRobin',
  tcp: {
    connectTimeoutMs: 1_000,
    connectBudgetMs: 5_000,
    idleTimeoutMs: Number.POSITIVE_INFINITY,
    halfClosedTimeoutMs: 60_000,
    bufferBytes: 256 * 1024,
    noDelay: true,
    keepAliveMs: 60_000,
    userTimeoutMs: Number.POSITIVE_INFINITY,
    deferAcceptMs: Number.POSITIVE_INFINITY,
    sendProxy: 'off',
    acceptProxyFrom: [],
    proxyHeaderTimeoutMs: 5_000,
    clientAddress: 'replace',
  },
  udp: { idleTimeoutMs: 30_000, oneway: false, sendProxy: 'off', acceptProxyFrom: [], clientAddress: 'replace' },
  maxFlowsPerFrontend: Number.POSITIVE_INFINITY,
  maxFlowsPerService: Number.POSITIVE_INFINITY,
  endpointDrainTimeoutMs: Number.POSITIVE_INFINITY,
};

/** What a service says about its settings: any part, the rest is the process's default. */
export interface SettingsOverride {
  readonly policy?: Policy;
  readonly tcp?: Partial<TcpSettings>;
  readonly udp?: Partial<UdpSettings>;
  readonly maxFlowsPerFrontend?: number;
  readonly maxFlowsPerService?: number;
  readonly endpointDrainTimeoutMs?: number;
}

/** `base` itself if nothing is overridden, as for most services. */
export function overrideSettings(base: ServiceSettings, override: SettingsOverride): ServiceSettings {
  if (Object.keys(override).length === 0) return base;
  return { ...base, ...override, tcp: { ...base.tcp, ...override.tcp }, udp: { ...base.udp, ...override.udp } };
}
