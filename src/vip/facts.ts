import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { RunCommand } from './command.ts';

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
  readonly ip: ProgramFact;
  readonly nft: ProgramFact;
  readonly conntrack: ProgramFact;
  /** By their names: `net.core.somaxconn`. */
  readonly sysctls: ReadonlyMap<SysctlName, string>;
  /** RLIMIT_NOFILE, soft and hard. */
  readonly files: { readonly soft: number; readonly hard: number } | undefined;
}

export const sysctlNames = [
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_nonlocal_bind',
  'net.ipv6.ip_nonlocal_bind',
  'net.ipv4.conf.all.route_localnet',
  'net.core.somaxconn',
  'net.ipv4.ip_local_port_range',
  'net.core.rmem_max',
  'net.core.wmem_max',
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
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(read('/proc/self/status') ?? '')?.[1] ?? '0'}`);
  const has = (bit: number) => ((capabilities >> BigInt(bit)) & 1n) === 1n;
  const [ip, nft, conntrack] = await Promise.all([
    program(run, 'ip', ['-V']),
    program(run, 'nft', ['-j', 'list', 'tables'], nftVersion),
    program(run, 'conntrack', ['-V']),
  ]);
  const sysctls = sysctlNames.flatMap((name): [SysctlName, string][] => {
    const value = read(`/proc/sys/${name.replaceAll('.', '/')}`);
    return value === undefined ? [] : [[name, value.replace(/\s+/g, ' ')]];
  });
  return {
    kernel: read('/proc/sys/kernel/osrelease'),
    netAdmin: has(capNetAdmin),
    netBindService: has(capNetBindService),
    ip,
    nft,
    conntrack,
    sysctls: new Map(sysctls),
    files: filesLimit(read('/proc/self/limits') ?? ''),
  };
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
