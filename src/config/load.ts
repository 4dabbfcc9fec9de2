import { dirname, resolve } from 'node:path';
import type { Problem } from '../base/errors.ts';
import type { FeedState } from '../model/feed-state.ts';
import type { ServiceSettings } from '../model/settings.ts';
import { locator, parseDocument } from './document.ts';
import { type FeedConfig, feedConfigOf } from './feed-schema.ts';
import { inlineState } from './inline.ts';
import type { Fault } from './issues.ts';
import { faultsOf } from './issues.ts';
import { engineFaults, type NativeOnly, nativeOnly } from './native-only.ts';
import { type NodeConfig, nodeConfigOf, nodeFaults } from './node-schema.ts';
import { formatPath } from './path.ts';
import { readDocumentFile } from './read.ts';
import type { PlacedService } from './rules.ts';
import { serviceFaults } from './rules.ts';
import type { AdminListen, EngineName, LogLevel, ProcessInput } from './schema.ts';
import { processSchema, settingsOf } from './schema.ts';
import { serviceSchema } from './service-schema.ts';
import type { VipConfig } from './vip-schema.ts';

/** The whole process configuration, every default filled in, times in milliseconds and sizes in bytes. */
export interface ProcessConfig {
  /** What moves the bytes; `auto`: native where it loads. */
  readonly engine: EngineName;
  /** Relay threads of the native engine; `auto`: one for each core. */
  readonly threads: number | 'auto';
  /** SO_MARK of sockets to endpoints, socket(7); 0: none. */
  readonly mark: number;
  /** What is in use and the engine `net` has no way to. */
  readonly nativeOnly: readonly NativeOnly[];
  readonly log: { readonly level: LogLevel; readonly access: { readonly level: LogLevel; readonly sample: number } };
  readonly admin: { readonly listen: AdminListen };
  /** Where `/healthz` is answered for others than the admin: kube-proxy's `--healthz-bind-address`. */
  readonly health: { readonly listen: AdminListen };
  readonly node: NodeConfig;
  /** What the label `service.kubernetes.io/service-proxy-name` says of services for sluice. */
  readonly serviceProxyName?: string;
  /** How flows are treated unless their service says otherwise. */
  readonly settings: ServiceSettings;
  readonly tcp: { readonly backlog: number };
  readonly udp: UdpLimits;
  readonly limits: {
    /** Flows of the whole process; `auto`: worked out from RLIMIT_NOFILE. */
    readonly flows: number | 'auto';
    /** Clients that session affinity remembers, per service port. */
    readonly affinityEntries: number;
  };
  readonly drainTimeoutMs: number;
  /** How VIPs land on this host. */
  readonly vip: VipConfig;
  /** The services that stand in the configuration itself. */
  readonly inline: FeedState;
  readonly feeds: readonly FeedConfig[];
}

export interface UdpLimits {
  readonly maxSessions: number;
  readonly maxSessionsPerClient: number;
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
}

export type { FeedConfig, KubernetesFeedConfig } from './feed-schema.ts';

export type LoadResult =
  | { readonly kind: 'ok'; readonly config: ProcessConfig }
  | { readonly kind: 'invalid'; readonly problems: readonly [Problem, ...Problem[]] };

/** Reads the configuration `file`; all that is wrong with it is told at once. Never throws for what a file holds. */
export async function loadConfig(file: string): Promise<LoadResult> {
  const read = await readDocumentFile(file);
  if (read.kind === 'invalid') return { kind: 'invalid', problems: [read.problem] };
  return parseConfig(read.bytes.toString('utf8'), file);
}

/** Reads a configuration from `text`; `file` names it in problems, and relative feed paths start at its folder. */
export function parseConfig(text: string, file: string): LoadResult {
  const document = parseDocument(text);
  if (document.kind === 'invalid') {
    const position = { file, ...document.at };
    return { kind: 'invalid', problems: [{ code: 'CONFIG_SYNTAX', message: document.message, position }] };
  }
  // A file of comments only is a configuration in which everything has its default.
  const { config, faults } = readConfig(document.value ?? {}, file);
  const [first, ...rest] = problemsOf(faults, text, file);
  if (first !== undefined) return { kind: 'invalid', problems: [first, ...rest] };
  if (config === undefined) throw new Error('a configuration is neither right nor wrong');
  return { kind: 'ok', config };
}

function readConfig(value: unknown, file: string): { config?: ProcessConfig; faults: readonly Fault[] } {
  const parsed = processSchema.safeParse(value);
  if (!parsed.success)
    return { faults: [...faultsOf(parsed.error.issues, value), ...serviceFaults(soundServices(value))] };
  const services = parsed.data.services.map((service, index) => ({ service, path: ['services', index] }));
  const faults = [...serviceFaults(services), ...engineFaults(parsed.data), ...nodeFaults(parsed.data)];
  return { config: configOf(parsed.data, dirname(resolve(file))), faults };
}

/** The services that are right in themselves, so that one wrong value elsewhere hides nothing about them. */
function soundServices(value: unknown): readonly PlacedService[] {
  const services = typeof value === 'object' && value !== null && 'services' in value ? value.services : undefined;
  if (!Array.isArray(services)) return [];
  return services.flatMap((item: unknown, index) => {
    const parsed = serviceSchema.safeParse(item);
    return parsed.success ? [{ service: parsed.data, path: ['services', index] }] : [];
  });
}

function problemsOf(faults: readonly Fault[], text: string, file: string): readonly Problem[] {
  if (faults.length === 0) return [];
  const locate = locator(text);
  const problems = faults.map(({ code, path, message }): Problem => {
    return { code, path: formatPath(path), message, position: { file, ...locate(path) } };
  });
  return problems.sort(byPosition);
}

function byPosition({ position: one }: Problem, { position: other }: Problem): number {
  return (one?.line ?? 0) - (other?.line ?? 0) || (one?.column ?? 0) - (other?.column ?? 0);
}

function configOf(input: ProcessInput, folder: string): ProcessConfig {
  const { udp, limits } = input;
  return {
    engine: input.engine,
    threads: input.threads,
    mark: input.mark === 'off' ? 0 : input.mark,
    nativeOnly: nativeOnly(input),
    log: input.log,
    admin: input.admin,
    health: input.health,
    node: nodeConfigOf(input),
    ...(input.serviceProxyName !== undefined && { serviceProxyName: input.serviceProxyName }),
    settings: settingsOf(input),
    tcp: { backlog: input.tcp.backlog },
    udp: {
      maxSessions: udp.maxSessions,
      maxSessionsPerClient: udp.maxSessionsPerClient,
      receiveBufferBytes: udp.receiveBuffer,
      sendBufferBytes: udp.sendBuffer,
    },
    limits: { flows: limits.flows, affinityEntries: limits.affinityEntries },
    drainTimeoutMs: input.drainTimeout,
    vip: input.vip,
    inline: inlineState(input.services),
    feeds: input.feeds.map((feed) => feedConfigOf(feed, folder)),
  };
}
