import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Builds `NAME.c` of this folder into `folder`, to be preloaded. `undefined`: there is no C compiler. */
export function buildPreload(name: string, folder: string): string | undefined {
  const file = join(folder, `${name}.so`);
  const source = join(import.meta.dirname, `${name}.c`);
  const built = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', file, source, '-ldl']);
  return built.status === 0 ? file : undefined;
}
