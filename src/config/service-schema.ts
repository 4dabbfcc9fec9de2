import { z } from 'zod';
import { parseAddressPort } from '../model/address.ts';
import { clientAddressModes, policies, proxyVersions } from '../model/settings.ts';
import {
  countOrOff,
  duration,
  durationOrOff,
  label,
  network,
  port,
  quoted,
  size,
  strict,
  unicast,
  uselessAddress,
} from './fields.ts';

/** Kubernetes allows a day (`ClientIPConfig.timeoutSeconds`). */
const maxAffinitySeconds = 86_400;
export const defaultAffinitySeconds = 10_800;

/** The settings of flows; the process has a default for each, and a service may say otherwise. */
export const tcpShape = {
  connectTimeout: duration().describe('One try to connect to an endpoint.'),
  connectBudget: duration().describe('All tries for one connection together.'),
  idleTimeout: durationOrOff().describe('No byte either way for this long ends the connection.'),
  halfClosedTimeout: durationOrOff().describe('After one side has finished: how long the other may be silent.'),
  buffer: size(4_096, 16 * 1024 ** 2).describe(
    'The most that the net engine holds for one direction of a connection. The native one holds 32 KiB, and bulk in pipes.',
  ),
  noDelay: z.boolean().describe('TCP_NODELAY on both sides.'),
  keepAlive: durationOrOff().describe('Idle time before the first keepalive probe, on both sides.'),
  userTimeout: durationOrOff().describe(
    'TCP_USER_TIMEOUT on both sides: bytes, or keepalive probes, that nobody has acknowledged for this long end the connection with ETIMEDOUT; off: after the 15 minutes or so of net.ipv4.tcp_retries2. Native engine only.',
  ),
  deferAccept: durationOrOff().describe(
    'TCP_DEFER_ACCEPT, in whole seconds: a connection is accepted, and an endpoint is chosen, when the first byte of the client has come, or after this long. Never where the server speaks first (SMTP, MySQL, SSH): each of its connections would wait this long. Native engine only.',
  ),
};
export const udpShape = {
  idleTimeout: duration().describe('No datagram either way for this long ends the session.'),
  oneway: z.boolean().describe('The service never replies (syslog, statsd): no session waits for a reply.'),
};
export const limitsShape = {
  flowsPerFrontend: countOrOff().describe('The most flows at once on one VIP:PORT.'),
  flowsPerService: countOrOff().describe('The most flows at once on all frontends of a service.'),
};
export const proxyProtocolShape = {
  send: z
    .enum([...proxyVersions, 'off'])
    .describe(
      'Tell endpoints of TCP ports who the client is: with a PROXY header of this version, before its first byte.',
    ),
  sendUdp: z
    .enum(['v2', 'off'])
    .describe('The same for UDP ports: a PROXY header before every datagram, as DNS servers take it.'),
};
export const acceptProxyShape = {
  from: z
    .array(network)
    .describe('Proxies in front of us. Their connections must begin with a PROXY header; from others it is payload.'),
  fromUdp: z
    .array(network)
    .describe(
      'The same for UDP: their datagrams begin with a PROXY header of version 2, each of them or the first from a port.',
    ),
  timeout: duration().describe('How long the header may take; then the connection is closed.'),
};
export const clientAddress = z
  .enum(clientAddressModes)
  .describe(
    'keep: endpoints see the address of the client, and its port where that is free (IP_TRANSPARENT). What they answer must come back through this host, and be led to sluice there: see config/examples/client-address.yaml and sluice doctor. Native engine only; needs CAP_NET_ADMIN.',
  );
export const policy = z.enum(policies).describe('How an endpoint is chosen for a new flow.');
export const endpointDrainTimeout = durationOrOff().describe(
  'How long established TCP connections outlive their removed endpoint; off: as long as they like.',
);

const timeoutSeconds = z
  .int()
  .min(1, { error: 'timeoutSeconds is at least 1' })
  .max(maxAffinitySeconds, { error: `timeoutSeconds is at most ${maxAffinitySeconds} (a day)` });

/** Milliseconds, or `undefined` for `None`. */
const sessionAffinity = z
  .union([
    z.enum(['None', 'ClientIP']),
    strict({ clientIP: strict({ timeoutSeconds: timeoutSeconds.prefault(defaultAffinitySeconds) }) }),
  ])
  .transform((value) => {
    if (value === 'None') return undefined;
    return 1_000 * (value === 'ClientIP' ? defaultAffinitySeconds : value.clientIP.timeoutSeconds);
  })
  .describe('ClientIP: a client address keeps its endpoint until it was away for timeoutSeconds (default 10800).');

const servicePort = strict({
  name: label.exactOptional().describe('Needed when the service has several ports.'),
  port: port.describe('Where clients connect to, on each VIP.'),
  protocol: z.enum(['TCP', 'UDP']).prefault('TCP'),
  targetPort: port
    .exactOptional()
    .describe('Where backends without a port of their own listen; default: the same as port.'),
  nodePort: port.exactOptional().describe("Where it is served on the node's own addresses; default: nowhere."),
});

const trafficPolicy = z.enum(['Cluster', 'Local']);

const addressPort = z
  .string()
  .transform((value, context) => {
    const parsed = parseAddressPort(value);
    const fault = parsed === undefined ? 'write ip, ip:port or [ipv6]:port' : uselessAddress(parsed.address);
    if (parsed !== undefined && fault === undefined) return parsed;
    context.addIssue({ code: 'custom', message: `${quoted(value)} is not a backend: ${fault}`, input: value });
    return z.NEVER;
  })
  .describe('ip, ip:port or [ipv6]:port');

const backend = z.union([
  addressPort,
  strict({
    address: unicast,
    port: port.exactOptional().describe("Default: each port's targetPort."),
    weight: z
      .int()
      .min(0)
      .max(1_000_000)
      .exactOptional()
      .describe('Share of new flows beside the others; 0: none; default 1.'),
    node: z.string().min(1).exactOptional().describe('The node that it runs on.'),
    zone: z.string().min(1).exactOptional(),
    ready: z.boolean().exactOptional().describe('Default true.'),
  }),
]);

export const serviceSchema = strict({
  name: label,
  namespace: label.prefault('default'),
  vip: unicast
    .exactOptional()
    .describe('The address that clients connect to. Each port is bound on it, never on the wildcard.'),
  vips: z.array(unicast).min(1).exactOptional().describe('Several addresses in place of vip.'),
  externalIPs: z
    .array(unicast)
    .exactOptional()
    .describe('Further addresses, for clients from outside, of the same IP families as the VIPs.'),
  internalTrafficPolicy: trafficPolicy
    .exactOptional()
    .describe('Local: clients of the VIPs get backends of this node only. Default Cluster.'),
  externalTrafficPolicy: trafficPolicy
    .exactOptional()
    .describe('The same for external IPs and node ports, where clients come from outside. Default Cluster.'),
  policy: policy.exactOptional(),
  sessionAffinity: sessionAffinity.exactOptional(),
  ports: z.array(servicePort).min(1, { error: 'a service needs at least one port' }),
  backends: z.array(backend).prefault([]).describe('Without any, clients are refused at once.'),
  tcp: strict(exactOptionals(tcpShape)).exactOptional(),
  udp: strict(exactOptionals(udpShape)).exactOptional(),
  proxyProtocol: strict({
    ...exactOptionals(proxyProtocolShape),
    accept: strict(exactOptionals(acceptProxyShape)).exactOptional(),
  }).exactOptional(),
  clientAddress: clientAddress.exactOptional(),
  limits: strict(exactOptionals(limitsShape)).exactOptional(),
  endpointDrainTimeout: endpointDrainTimeout.exactOptional(),
});

/** A service as it stands in the configuration, checked and with units resolved. */
export type InlineService = z.output<typeof serviceSchema>;
export type InlineBackend = InlineService['backends'][number];

type ExactOptionals<Shape extends z.ZodRawShape> = { [Key in keyof Shape]: z.ZodExactOptional<Shape[Key]> };

function exactOptionals<Shape extends Record<string, z.ZodType>>(shape: Shape): ExactOptionals<Shape> {
  const entries = Object.entries(shape).map(([key, field]) => [key, field.exactOptional()]);
  return Object.fromEntries(entries) as ExactOptionals<Shape>;
}
