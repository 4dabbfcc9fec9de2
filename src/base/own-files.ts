import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';

// Where sluice's own files are: the only file of src/ that knows. `npm run package` puts config/binary/own-files.ts in its
// place, as there they are inside the executable.

/** Two folders above both src/base/ and dist/base/. */
const root = join(import.meta.dirname, '../..');

/** The text of a file, named from the root of the package: `package.json`. */
export function ownText(name: string): string {
  return readFileSync(ownPath(name), 'utf8');
}

/** The path of such a file, for those who read it by themselves. */
export function ownPath(name: string): string {
  return join(root, name);
}

/** Loads an addon, named likewise. Throws what `require` throws. */
export function ownAddon(name: string): unknown {
  return createRequire(import.meta.url)(ownPath(name));
}

/** Starts a thread whose program is a file of src/, named without its ending: `config/load-thread`. */
export function startThread(program: string, workerData: unknown): Worker {
  return new Worker(programFile(program), { workerData });
}

/** Starts such a program as a process with a channel. Its first argument is `process.argv[2]`. */
export function startProcess(program: string, words: readonly string[], options: ForkOptions): ChildProcess {
  return fork(programFile(program), words, options);
}

function programFile(program: string): string {
  return join(import.meta.dirname, '..', `${program}${extname(import.meta.filename)}`);
}
