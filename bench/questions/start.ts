import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Question } from '../question.ts';
import { milliseconds } from '../show.ts';
import { startProgram } from '../subjects/sluice.ts';
import { type Backends, ports, type Rig } from '../subjects/subject.ts';
import { accepting, type Place } from '../support/ready.ts';

const portsPerVip = 100;

/** Services of one port each, a hundred to an address. */
function frontends(rig: Rig, count: number): Place[] {
  const vips = Array.from({ length: Math.ceil(count / portsPerVip) }, () => rig.freshVip());
  return vips
    .flatMap((host) => Array.from({ length: portsPerVip }, (_, index) => ({ host, port: 10_000 + index })))
    .slice(0, count);
}

function configuration(places: readonly Place[], admin: string, { web }: Backends) {
  return {
    log: { level: 'warn' },
    admin: { listen: `${admin}:${ports.admin}` },
    services: places.map(({ host, port }, index) => ({
      name: `s${index}`,
      vip: host,
      ports: [{ name: 'web', port, protocol: 'TCP' }],
      backends: web.map((place) => `${place.host}:${place.port}`),
    })),
  };
}

/** From the start of the real program to the first connection that it accepts, on its first and on its last frontend. */
export const start: Question = {
  name: 'start',
  needs: [],
  rounds: (asked) => Math.min(Math.ceil(asked / 2), 3),
  concerns: ({ engine }) => engine !== undefined,
  metrics: [
    { key: 'firstMs', label: 'start to first accept, 1,000 frontends', show: milliseconds },
    { key: 'lastMs', label: '  … on the last of them', show: milliseconds },
  ],
  async measure({ rig, pace, backends }, { subject }) {
    const places = frontends(rig, pace.frontends);
    const [first] = places;
    const last = places.at(-1);
    if (first === undefined || last === undefined) throw new Error('no frontends');
    const file = join(rig.folder, `start-${first.host}.yaml`);
    await writeFile(file, stringify({ ...configuration(places, first.host, backends), ...subject.settings }));
    const startedAt = performance.now();
    const child = startProgram(rig, file);
    const since = async (place: Place) => {
      await accepting(place, { withinMs: 20_000, everyMs: 2, hopeless: () => child.ended() });
      return performance.now() - startedAt;
    };
    try {
      const [firstMs, lastMs] = await Promise.all([since(first), since(last)]);
      return { firstMs, lastMs };
    } finally {
      await child.close();
    }
  },
};
