import { z } from 'zod';
import type { Ip } from '../model/address.ts';
import type { ServiceSettings } from '../model/settings.ts';
import { defaultSettings } from '../model/settings.ts';
import { feedSchema } from './feed-schema.ts';
import { duration, listenAddress, size, strict } from './fields.ts';
import { nodeShape } from './node-schema.ts';
import {
  acceptProxyShape,
  clientAddress,
  endpointDrainTimeout,
  limitsShape,
  policy,
  proxyProtocolShape,
  serviceSchema,
  tcpShape,
  udpShape,
} from './service-schema.ts';
import { formatDuration, formatSize } from './units.ts';
import { vipSchema } from './vip-schema.ts';

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

const engineNames = ['auto', 'native', 'net'] as const;
export type EngineName = (typeof engineNames)[number];

const { tcp, udp } = defaultSettings;
const countText = (count: number) => (count === Number.POSITIVE_INFINITY ? 'off' : count);
const socketBuffer = size(4_096, 1024 ** 3);

const logSchema = strict({
  level: z.enum(logLevels).prefault('info').describe('What is logged: this level and those above it.'),
  access: strict({
    level: z.enum(logLevels).prefault('debug').describe('The level of the line for each ended connection or session.'),
    sample: z.number().min(0).max(1).prefault(1).describe('The share of these lines that is written, 0 to 1.'),
  }).prefault({}),
});

const tcpSchema = strict({
  connectTimeout: tcpShape.connectTimeout.prefault(formatDuration(tcp.connectTimeoutMs)),
  connectBudget: tcpShape.connectBudget.prefault(formatDuration(tcp.connectBudgetMs)),
  idleTimeout: tcpShape.idleTimeout.prefault(formatDuration(tcp.idleTimeoutMs)),
  halfClosedTimeout: tcpShape.halfClosedTimeout.prefault(formatDuration(tcp.halfClosedTimeoutMs)),
  buffer: tcpShape.buffer.prefault(formatSize(tcp.bufferBytes)),
  noDelay: tcpShape.noDelay.prefault(tcp.noDelay),
  keepAlive: tcpShape.keepAlive.prefault(formatDuration(tcp.keepAliveMs)),
  userTimeout: tcpShape.userTimeout.prefault(formatDuration(tcp.userTimeoutMs)),
  deferAccept: tcpShape.deferAccept.prefault(formatDuration(tcp.deferAcceptMs)),
  backlog: z
    .int()
    .min(1)
    .max(65_535)
    .prefault(4_096)
    .describe(
      'Connections that wait to be accepted, per frontend (listen(2)); the kernel caps it at net.core.somaxconn.',
    ),
});

const udpSchema = strict({
  idleTimeout: udpShape.idleTimeout.prefault(formatDuration(udp.idleTimeoutMs)),
  oneway: udpShape.oneway.prefault(udp.oneway),
  maxSessions: z
    .int()
    .min(1)
    .prefault(16_384)
    .describe('Sessions of the whole process; the oldest idle one makes room.'),
  maxSessionsPerClient: z.int().min(1).prefault(4_096).describe('Sessions of one client address.'),
  receiveBuffer: socketBuffer
    .prefault('2MiB')
    .describe('SO_RCVBUF of a frontend; the kernel caps it at net.core.rmem_max.'),
  sendBuffer: socketBuffer
    .prefault('1MiB')
    .describe('SO_SNDBUF of a frontend; the kernel caps it at net.core.wmem_max.'),
});

const proxyProtocolSchema = strict({
  send: proxyProtocolShape.send.prefault(tcp.sendProxy),
  sendUdp: proxyProtocolShape.sendUdp.prefault(udp.sendProxy),
  accept: strict({
    from: acceptProxyShape.from.prefault([...tcp.acceptProxyFrom]),
    fromUdp: acceptProxyShape.fromUdp.prefault([...udp.acceptProxyFrom]),
    timeout: acceptProxyShape.timeout.prefault(formatDuration(tcp.proxyHeaderTimeoutMs)),
  }).prefault({}),
});

const limitsSchema = strict({
  flows: z
    .union([z.int().min(1), z.literal('auto')])
    .prefault('auto')
    .describe('The most flows of the process; auto: as many as RLIMIT_NOFILE has descriptors for.'),
  flowsPerFrontend: limitsShape.flowsPerFrontend.prefault(countText(defaultSettings.maxFlowsPerFrontend) as 'off'),
  flowsPerService: limitsShape.flowsPerService.prefault(countText(defaultSettings.maxFlowsPerService) as 'off'),
  affinityEntries: z
    .int()
    .min(1)
    .prefault(65_536)
    .describe('Clients that session affinity remembers, per service port; beyond it the longest unseen is forgotten.'),
});

export const processSchema = strict({
  engine: z
    .enum(engineNames)
    .prefault('auto')
    .describe('What moves the bytes: native (the addon), net (Node.js alone), or auto: native where it loads.'),
  threads: z
    .union([z.int().min(0).max(256), z.literal('auto')])
    .prefault('auto')
    .describe('Relay threads of the native engine; 0: the event loop relays. auto: one for each core.'),
  mark: z
    .union([z.literal('off'), z.int().min(1).max(0xffff_ffff)], {
      error: () => 'expected a number from 1 to 4294967295 (0xffffffff), or off',
    })
    .prefault('off')
    .describe(
      "SO_MARK of the sockets to endpoints, by which ip rule (fwmark) and nftables (meta mark) know sluice's own traffic. Native engine only; needs CAP_NET_ADMIN.",
    ),
  log: logSchema.prefault({}),
  admin: strict({
    listen: listenAddress.prefault('127.0.0.1:9090').describe('Metrics, health and state: ip:port, unix:/path or off.'),
  }).prefault({}),
  policy: policy.prefault(defaultSettings.policy),
  tcp: tcpSchema.prefault({}),
  udp: udpSchema.prefault({}),
  proxyProtocol: proxyProtocolSchema.prefault({}),
  clientAddress: clientAddress.prefault(tcp.clientAddress),
  limits: limitsSchema.prefault({}),
  ...nodeShape,
  drainTimeout: duration(0).prefault('30s').describe('How long connections may go on after SIGTERM.'),
  endpointDrainTimeout: endpointDrainTimeout.prefault(formatDuration(defaultSettings.endpointDrainTimeoutMs)),
  vip: vipSchema.prefault({}).describe('How VIPs land on this host.'),
  services: z.array(serviceSchema).prefault([]),
  feeds: z.array(feedSchema).prefault([]).describe('Where more services come from.'),
});

export type ProcessInput = z.output<typeof processSchema>;

/** Where the admin server listens; port 0: any free one. */
export type AdminListen =
  | { readonly kind: 'tcp'; readonly address: Ip; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'off' };

/** The JSON Schema (draft 2020-12) of what a person writes, for editors. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...schema } = z.toJSONSchema(processSchema, { io: 'input' });
  return {
    $schema,
    title: 'sluice',
    description: 'The process configuration of sluice. Every key has a default.',
    ...schema,
  };
}

/** The settings of flows that hold for every service that says nothing else. */
export function settingsOf(input: ProcessInput): ServiceSettings {
  const { policy: name, tcp, udp, proxyProtocol, clientAddress, limits, endpointDrainTimeout } = input;
  return {
    policy: name,
    tcp: {
      connectTimeoutMs: tcp.connectTimeout,
      connectBudgetMs: tcp.connectBudget,
      idleTimeoutMs: tcp.idleTimeout,
      halfClosedTimeoutMs: tcp.halfClosedTimeout,
      bufferBytes: tcp.buffer,
      noDelay: tcp.noDelay,
      keepAliveMs: tcp.keepAlive,
      userTimeoutMs: tcp.userTimeout,
      deferAcceptMs: tcp.deferAccept,
      sendProxy: proxyProtocol.send,
      acceptProxyFrom: proxyProtocol.accept.from,
      proxyHeaderTimeoutMs: proxyProtocol.accept.timeout,
      clientAddress,
    },
    udp: {
      idleTimeoutMs: udp.idleTimeout,
      oneway: udp.oneway,
      sendProxy: proxyProtocol.sendUdp,
      acceptProxyFrom: proxyProtocol.accept.fromUdp,
      clientAddress,
    },
    maxFlowsPerFrontend: limits.flowsPerFrontend,
    maxFlowsPerService: limits.flowsPerService,
    endpointDrainTimeoutMs: endpointDrainTimeout,
  };
}
