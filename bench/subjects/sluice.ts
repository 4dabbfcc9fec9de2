import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { rootFolder } from '../support/folders.ts';
import type { Child, Processes } from '../support/processes.ts';
import type { Place } from '../support/ready.ts';
import { type Backends, hasEcho, ports, type Rig, type Subject, whenReady } from './subject.ts';

/** A relay engine and what chooses it in the configuration: one more line here is one more column. */
interface Engine {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

export const engines: readonly Engine[] = [{ name: 'net', settings: {} }];

/** What chooses the engine of that name. */
export function engineSettings(name: string | undefined): Engine['settings'] {
  return engines.find((engine) => engine.name === name)?.settings ?? {};
}

const sluiceProgram = join(rootFolder, 'dist', 'main.js');

/** The same build as `npm run build`, so that what is measured is the source as it stands. */
export async function buildSluice(processes: Processes): Promise<void> {
  await processes.run('npm', ['--prefix', rootFolder, 'run', '--silent', 'build']);
}

/** The built program with the configuration that a user would write. */
export function sluice(engine: Engine): Subject {
  return {
    name: `sluice ${engine.name}`,
    engine: engine.name,
    hasTcp: true,
    hasUdp: true,
    ...(!existsSync(sluiceProgram) && { skipped: 'no dist/main.js (npm run build)' }),
    async start(rig, vip, backends) {
      const file = join(rig.folder, `sluice-${engine.name}-${vip}.yaml`);
      await writeFile(file, stringify({ ...configuration(vip, backends), ...engine.settings }));
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
