import { execFile } from 'node:child_process';
import type { Problem } from '../base/errors.ts';

export type CommandResult =
  | { readonly kind: 'ok'; readonly stdout: string }
  /** `missing`: there is no such program on this host. */
  | { readonly kind: 'failed'; readonly missing: boolean; readonly stderr: string; readonly problem: Problem };

/** Runs a program without a shell; `input` is its standard input. Never rejects. */
export type RunCommand = (program: string, words: readonly string[], input?: string) => Promise<CommandResult>;

const timeoutMs = 10_000;
/** `nft -j list` of 100,000 VIPs has about 10 MB. */
const maxOutputBytes = 256 * 1024 ** 2;

export const runCommand: RunCommand = (program, words, input) =>
  new Promise((resolve) => {
    const options = { timeout: timeoutMs, maxBuffer: maxOutputBytes, killSignal: 'SIGKILL' } as const;
    const child = execFile(program, words, options, (error, stdout, stderr) => {
      if (error === null) resolve({ kind: 'ok', stdout });
      else resolve(failure(program, words, stderr.trim() || error.message, error.code === 'ENOENT'));
    });
    // A program that ends before it has read everything says why on its standard error.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input ?? '');
  });

/** Characters. */
const mostOfStderr = 600;

export function failure(program: string, words: readonly string[], stderr: string, missing = false): CommandResult {
  const command = [program, ...words].join(' ');
  const said = stderr.replace(/\s+/g, ' ').slice(0, mostOfStderr);
  const message = missing
    ? `there is no program ${program}, which ${hints[program] ?? 'is needed here'}`
    : `"${command}" failed: ${said}; see sluice doctor`;
  return {
    kind: 'failed',
    missing,
    stderr,
    problem: { code: missing ? 'VIP_PROGRAM_MISSING' : 'VIP_COMMAND_FAILED', message },
  };
}

const hints: Readonly<Record<string, string>> = {
  ip: 'is needed to add VIPs to this host: install iproute2',
  nft: 'is needed to redirect VIPs: install nftables',
  conntrack:
    'makes the kernel forget UDP clients of VIPs that changed: install conntrack, or they may be lost while they go on sending',
};

/** What `read` makes of a program's output, or the problem that it could not. */
export function understand<Value>(
  words: string,
  stdout: string,
  read: (stdout: string) => Value,
): { readonly kind: 'ok'; readonly value: Value } | { readonly kind: 'failed'; readonly problem: Problem } {
  try {
    return { kind: 'ok', value: read(stdout) };
  } catch (error) {
    const said = error instanceof Error ? error.message.replace(/\s+/g, ' ') : String(error);
    const message = `"${words}" printed what sluice does not understand: ${said.slice(0, mostOfStderr)}`;
    return { kind: 'failed', problem: { code: 'VIP_COMMAND_OUTPUT', message } };
  }
}
