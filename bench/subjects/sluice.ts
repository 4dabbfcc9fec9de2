import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { loadAddon } from '../../src/relay/native/addon.ts';
import { rootFolder } from '../support/folders.ts';
import type { Child, Processes } from '../support/processes.ts';
import type { Place } from '../support/ready.ts';
import { type Backends, hasEcho, ports, type Rig, type Subject, whenReady } from './subject.ts';

/** A relay engine and what chooses it in the configuration: one more line here is one more column. */
interface Engine {
  readonly name: string;
  readonly settings: { readonly engine: 'net' } | { readonly engine: 'native'; readonly threads: number };
  readonly only?: string;
}

export const engines: readonly Engine[] = [
  { name: 'net', settings: { engine: 'net' } },
  { name: 'native', settings: { engine: 'native', threads: 1 } },
  { name: 'native0', settings: { engine: 'native', threads: 0 } },
  { name: 'native2', settings: { engine: 'native', threads: 2 }, only: 'scaling' },
];

/** What the numbers in the names mean. */
export const enginesNote =
  'native relays in one thread beside the event loop, native0 on the loop, native2 in two threads';

const sluiceProgram = join(rootFolder, 'dist', 'main.js');

/** The same builds as a user's, so that what is measured is the source as it stands. */
export async function buildSluice(processes: Processes): Promise<void> {
  for (const script of ['build', 'build:native'])
    await processes.run('npm', ['--prefix', rootFolder, 'run', '--silent', script]);
}

/** Why it cannot run here. */
function lacking({ settings }: Engine): string | undefined {
  if (!existsSync(sluiceProgram)) return 'no dist/main.js (npm run build)';
  const addon = settings.engine === 'native' ? loadAddon() : undefined;
  return addon?.kind === 'absent' ? addon.why : undefined;
}

/** The built program with the configuration that a user would write. */
export function sluice(engine: Engine): Subject {
  const { name, settings, only } = engine;
  const skipped = lacking(engine);
  return {
    name: `sluice ${name}`,
    engine: name,
    settings,
    hasTcp: true,
    hasUdp: true,
    ...(only !== undefined && { only }),
    ...(skipped !== undefined && { skipped }),
    async start(rig, vip, backends) {
      const file = join(rig.folder, `sluice-${name}-${vip}.yaml`);
      await writeFile(file, stringify({ ...configuration(vip, backends), ...settings }));
      return whenReady(startProgram(rig, file), vip, { hasUdp: hasEcho(rig) });
    },
  };
}

/** `sluice run` with that configuration file, on the Node of this run. */
export function startProgram({ processes, node, sluiceFlags }: Rig, file: string): Child {
  return processes.start(node.path, [...sluiceFlags, sluiceProgram, 'run', '--config', file]);
}

function configuration(vip: string, { web, bulk, udp }: Backends) {
  const service = (name: keyof typeof ports, protocol: string, backends: readonly Place[]) => ({
    name,
    vip,
    ports: [{ name, port: ports[name], protocol }],
    backends: backends.map(({ host, port }) => `${host}:${port}`),
  });
  return {
    log: { level: 'warn' },
    admin: { listen: `${vip}:${ports.admin}` },
    services: [service('web', 'TCP', web), service('bulk', 'TCP', [bulk]), service('udp', 'UDP', [udp])],
  };
}
