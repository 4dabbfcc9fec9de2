import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { getAsset, getRawAsset } from 'node:sea';
import { compileFunction } from 'node:vm';
import { Worker } from 'node:worker_threads';

// What stands for src/base/own-files.ts in the executable: sluice's own files are assets of it, under the same names.

/** As there. */
export function ownText(name: string): string {
  return getAsset(name, 'utf8');
}

/** As there: a copy in a private folder, until the process ends. */
export function ownPath(name: string): string {
  const { file, remove } = extract(name);
  process.once('exit', remove);
  return file;
}

const addons = new Map<string, unknown>();

/** As there. The kernel loads libraries from files only: a copy in a private folder, for as long as that takes. */
export function ownAddon(name: string): unknown {
  if (!addons.has(name)) addons.set(name, loadCopy(name));
  return addons.get(name);
}

function loadCopy(name: string): unknown {
  const { file, remove } = extract(name);
  try {
    return createRequire(file)(file);
  } catch (error) {
    const said = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new Error(`${said} (TMPDIR must name a folder that is not mounted noexec)`);
  } finally {
    remove();
  }
}

function extract(name: string): { readonly file: string; readonly remove: () => void } {
  const bytes = new Uint8Array(getRawAsset(name) as ArrayBuffer);
  const folder = mkdtempSync(join(tmpdir(), 'sluice-'));
  const file = join(folder, basename(name));
  writeFileSync(file, bytes, { mode: 0o600 });
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** As there. */
export function startThread(program: string, workerData: unknown): Worker {
  return new Worker(ownText(program), { eval: true, workerData });
}

const prefix = 'program:';

/** As there: the executable itself is started, and `runIfProgram` of the new process does the rest. */
export function startProcess(program: string, words: readonly string[], options: ForkOptions): ChildProcess {
  return fork(`${prefix}${program}`, words, options);
}

/** Runs the program for which `startProcess` has started this process, or says no. */
export function runIfProgram(): boolean {
  const [, , first = ''] = process.argv;
  if (!process.connected || !first.startsWith(prefix)) return false;
  process.argv.splice(2, 1);
  const run = compileFunction(ownText(first.slice(prefix.length)), ['require', 'module', 'exports']);
  run(createRequire(process.execPath), { exports: {} }, {});
  return true;
}
