import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, type FileHandle, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorCode, type Problem } from '../base/errors.ts';

export type CommandResult =
  | { readonly kind: 'ok'; readonly stdout: string }
  /** `missing`: there is no such program on this host. */
  | { readonly kind: 'failed'; readonly missing: boolean; readonly stderr: string; readonly problem: Problem };

/** Runs a program without a shell; `input` is its standard input. Never rejects. */
export type RunCommand = (program: string, words: readonly string[], input?: string) => Promise<CommandResult>;

const timeoutMs = 10_000;

export const runCommand: RunCommand = async (program, words, input) => {
  if (input === undefined) return execute(program, words, 'ignore');
  try {
    const file = await unlinkedFile(input);
    try {
      return await execute(program, words, file.fd);
    } finally {
      await file.close();
    }
  } catch (error) {
    return failure(program, words, `its input could not be written: ${errorCode(error)}`);
  }
};

/**
 * A file without a name that holds `text`. Standard input of nft(8) must be one that can be opened again by way of
 * `/dev/stdin`; the pipes of Node.js are sockets, which cannot.
 */
async function unlinkedFile(text: string): Promise<FileHandle> {
  const folder = await mkdtemp(join(await writableFolder(), 'sluice-'));
  const path = join(folder, 'input');
  await writeFile(path, text, { mode: 0o600 });
  const file = await open(path, 'r');
  await rm(folder, { recursive: true });
  return file;
}

/** In a container everything but memory may be read-only. */
async function writableFolder(): Promise<string> {
  for (const folder of [tmpdir(), '/dev/shm']) {
    try {
      await access(folder, constants.W_OK);
      return folder;
    } catch {}
  }
  return '/run';
}

function execute(program: string, words: readonly string[], stdin: 'ignore' | number): Promise<CommandResult> {
  return new Promise((resolve) => {
    // Not `timeout`, which goes on counting, and keeps the process, where the program could not be started.
    const signal = AbortSignal.timeout(timeoutMs);
    const child = spawn(program, words, { stdio: [stdin, 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => (output[name] += text));
    }
    child.on('error', (error) => {
      // It has been killed, and `close` follows.
      if (signal.aborted) return;
      const code = errorCode(error);
      resolve(failure(program, words, code, code === 'ENOENT'));
    });
    child.on('close', (status, killedBy) => {
      if (status === 0) resolve({ kind: 'ok', stdout: output.stdout });
      else resolve(failure(program, words, output.stderr.trim() || `it ended with ${killedBy ?? status}`));
    });
  });
}

/** Characters. */
const mostOfStderr = 600;

export function failure(program: string, words: readonly string[], stderr: string, missing = false): CommandResult {
  const command = [program, ...words].join(' ');
  const said = stderr.replace(/\s+/g, ' ').slice(0, mostOfStderr);
  const message = missing
    ? `there is no program ${program}, which ${hints[program] ?? 'is needed here'}`
    : failedMessage(command, said);
  return {
    kind: 'failed',
    missing,
    stderr,
    problem: { code: missing ? 'VIP_PROGRAM_MISSING' : 'VIP_COMMAND_FAILED', message },
  };
}

/** The cause, and what to do about it. */
export function failedMessage(command: string, said: string): string {
  const isForbidden = /operation not permitted|permission denied/i.test(said);
  return `"${command}" failed: ${said}; ${isForbidden ? 'it needs CAP_NET_ADMIN, ' : ''}see sluice doctor`;
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
