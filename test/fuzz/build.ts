import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { flagsOf } from '../sanitizers/sanitizer.ts';

const native = join(import.meta.dirname, '../../src/relay/native');
const release = join(native, 'build/Release');

/** Which build of the addon the tests are run on: that of `npm run sanitize`, or the usual one. */
const name = basename(process.env.SLUICE_ADDON ?? 'sluice.node', '.node');
const flags = name === 'sluice-address' ? flagsOf.address : name === 'sluice-thread' ? flagsOf.thread : [];

/** Compiles `sources` of this folder, links them with all of the engine but its addon, and loads that into Node.js. */
export function loadWithEngine(folder: string, sources: readonly string[]): unknown {
  const objects = join(release, 'obj.target', name);
  const engine = readdirSync(objects).filter((file) => file.endsWith('.o') && file !== 'addon.o');
  const file = join(folder, 'fuzz.node');
  const { LD_PRELOAD: _, ...env } = process.env;
  execFileSync(
    process.env.CXX ?? 'g++',
    [
      ...[
        '-std=c++20',
        '-O1',
        '-g',
        '-fPIC',
        '-shared',
        '-fvisibility=hidden',
        '-Wall',
        '-Wextra',
        '-Werror',
        ...flags,
      ],
      ...['-DNAPI_VERSION=9', `-I${headers()}`, '-o', file],
      ...sources.map((source) => join(import.meta.dirname, source)),
      ...engine.map((object) => join(objects, object)),
    ],
    { env },
  );
  return createRequire(import.meta.url)(file);
}

/** Those with which node-gyp has built the addon. */
function headers(): string {
  const text = readFileSync(join(native, 'build/config.gypi'), 'utf8');
  const { variables } = JSON.parse(text.replace(/^#.*$/gm, '')) as { variables: { nodedir: string } };
  return join(variables.nodedir, 'include/node');
}
