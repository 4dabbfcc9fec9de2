import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { IpFamily } from '../model/address.ts';
import type { RunCommand } from './command.ts';
import { hasWayBack } from './way-back.ts';

/** A program as it is found on this host. */
export type ProgramFact =
  | { readonly kind: 'usable'; readonly version: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly stderr: string };

/** What a host says of itself. What it does not say is `undefined`. */
export interface HostFacts {
  readonly kernel: string | undefined;
  /** Effective capabilities of this process (capabilities(7)). */
  readonly netAdmin: boolean;
  readonly netBindService: boolean;
  /** The programs that it runs, ip(8) and nft(8), have CAP_NET_ADMIN, too: those of root do, and where it is ambient. */
  readonly programsNetAdmin: boolean;
  readonly ip: ProgramFact;
  readonly nft: ProgramFact;
  readonly conntrack: ProgramFact;
  /** By their names: `net.core.somaxconn`. */
  readonly sysctls: ReadonlyMap<SysctlName, string>;
  /** Whether there is a way to every address of a family. */
  readonly defaultRoutes: Readonly<Record<IpFamily, boolean | undefined>>;
  /** Whether packets with some mark are local, as answers to kept clients must be (`clientAddress: keep`). */
  readonly waysBack: Readonly<Record<IpFamily, boolean | undefined>>;
  /** System calls of this process are filtered (seccomp(2)), as those of containers are. */
  readonly seccomp: boolean;
  /** RLIMIT_NOFILE, soft and hard. */
  readonly files: { readonly soft: number; readonly hard: number } | undefined;
}

const sysctlNames = [
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_nonlocal_bind',
  'net.ipv6.ip_nonlocal_bind',
  'net.ipv4.conf.all.route_localnet',
  'net.core.somaxconn',
  'net.ipv4.ip_local_port_range',
  'net.core.rmem_max',
  'net.core.wmem_max',
  'kernel.io_uring_disabled',
] as const;
export type SysctlName = (typeof sysctlNames)[number];

export type ReadText = (path: string) => string | undefined;

export const readText: ReadText = (path) => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
};

const capNetBindService = 10;
const capNetAdmin = 12;

/** Reads proc(5) and runs programs that only show something; nothing is changed. */
export async function gatherFacts(run: RunCommand, read: ReadText): Promise<HostFacts> {
  const status = read('/proc/self/status') ?? '';
  const [effective, ambient] = [capabilities(status, 'CapEff'), capabilities(status, 'CapAmb')];
  const isRoot = /^Uid:\s+\d+\s+0\s/m.test(status);
  const [ip, nft, conntrack, wayBackV4, wayBackV6] = await Promise.all([
    program(run, 'ip', ['-V']),
    program(run, 'nft', ['-j', 'list', 'tables'], nftVersion),
    program(run, 'conntrack', ['-V']),
    hasWayBack(run, '-4'),
    hasWayBack(run, '-6'),
  ]);
  const sysctls = sysctlNames.flatMap((name): [SysctlName, string][] => {
    const value = read(`/proc/sys/${name.replaceAll('.', '/')}`);
    return value === undefined ? [] : [[name, value.replace(/\s+/g, ' ')]];
  });
  return {
    kernel: read('/proc/sys/kernel/osrelease'),
    netAdmin: effective(capNetAdmin),
    netBindService: effective(capNetBindService),
    programsNetAdmin: effective(capNetAdmin) && (isRoot || ambient(capNetAdmin)),
    ip,
    nft,
    conntrack,
    sysctls: new Map(sysctls),
    defaultRoutes: {
      IPv4: hasRoute(read('/proc/net/route'), defaultV4),
      IPv6: hasRoute(read('/proc/net/ipv6_route'), defaultV6),
    },
    waysBack: { IPv4: wayBackV4, IPv6: wayBackV6 },
    seccomp: /^Seccomp:\s+2$/m.test(status),
    files: filesLimit(read('/proc/self/limits') ?? ''),
  };
}

/** `Iface Destination Gateway Flags RefCnt Use Metric Mask …`, hexadecimal (proc(5)). */
const defaultV4 = /^\S+\s+0{8}\s+\S+\s+\S+\s+\S+\s+\S+\s+\S+\s+0{8}\s/m;
/** Destination and its length, source and its length, next hop, metric. The last metric is the kernel's own entry for "no way". */
const defaultV6 = /^0{32} 00 \S+ \S+ \S+ (?!f{8})\S+ /m;

function hasRoute(table: string | undefined, pattern: RegExp): boolean | undefined {
  return table === undefined ? undefined : pattern.test(table);
}

/** Whether a set of proc(5) `/proc/self/status` has a capability. */
function capabilities(status: string, set: 'CapEff' | 'CapAmb'): (bit: number) => boolean {
  const bits = BigInt(`0x${new RegExp(`^${set}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0'}`);
  return (bit) => ((bits >> BigInt(bit)) & 1n) === 1n;
}

async function program(
  run: RunCommand,
  name: string,
  words: readonly string[],
  versionOf: (stdout: string) => string = firstVersion,
): Promise<ProgramFact> {
  const result = await run(name, words);
  if (result.kind === 'ok') return { kind: 'usable', version: versionOf(result.stdout) };
  return result.missing ? { kind: 'missing' } : { kind: 'failed', stderr: result.stderr.replace(/\s+/g, ' ') };
}

function firstVersion(stdout: string): string {
  return /\d+(?:\.\d+)+/.exec(stdout)?.[0] ?? 'unknown';
}

const metainfo = z.object({
  nftables: z.tuple([z.object({ metainfo: z.object({ version: z.string() }) })]).rest(z.unknown()),
});

function nftVersion(stdout: string): string {
  try {
    return metainfo.parse(JSON.parse(stdout)).nftables[0].metainfo.version;
  } catch {
    return 'unknown';
  }
}

function filesLimit(limits: string): HostFacts['files'] {
  const [, soft, hard] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(limits) ?? [];
  const number = (text: string) => (text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text));
  return soft === undefined || hard === undefined ? undefined : { soft: number(soft), hard: number(hard) };
}
