import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, rootFolder } from './folders.ts';
import type { Processes } from './processes.ts';

/** The targets are stated for this major version of Node or a newer one. */
export const targetMajor = 24;

const packageName = `node-linux-${process.arch}`;

export interface NodeBinary {
  readonly path: string;
  /** As `node --version` prints it, e.g. `v24.9.0`. */
  readonly version: string;
  /** Flags with which it runs TypeScript: none from 24 on, which strips types itself. */
  readonly typescript: readonly string[];
}

/**
 * The Node that runs sluice: `asked`, else $SLUICE_BENCH_NODE, else this one if it is new enough, else the binary of
 * the npm package node-linux-ARCH (from node_modules, or installed into its cache folder), else this one all the same.
 */
export async function findNode(asked: string | undefined, processes: Processes): Promise<NodeBinary> {
  const chosen = asked ?? process.env.SLUICE_BENCH_NODE;
  if (chosen !== undefined) return inspect(chosen, processes);
  if (majorOf(process.version) >= targetMajor) return inspect(process.execPath, processes);
  const packaged = [rootFolder, cacheFolder].map((folder) => join(folder, 'node_modules', packageName, 'bin', 'node'));
  if (!packaged.some((path) => existsSync(path)))
    await processes
      .run('npm', ['install', '--silent', '--no-save', '--prefix', cacheFolder, `${packageName}@${targetMajor}`])
      .catch(() => undefined);
  return inspect(packaged.find((path) => existsSync(path)) ?? process.execPath, processes);
}

function majorOf(version: string): number {
  return Number(/^v(\d+)/.exec(version)?.[1]);
}

async function inspect(path: string, processes: Processes): Promise<NodeBinary> {
  const version = (await processes.run(path, ['--version'])).stdout.trim();
  return { path, version, typescript: majorOf(version) >= targetMajor ? [] : ['--import', 'tsx'] };
}
