import { join } from 'node:path';
import type { Place } from '../support/ready.ts';
import { hasEcho, ports, type Subject, whenReady } from './subject.ts';

const program = join(import.meta.dirname, '..', 'support', 'bare-relay.ts');

/** The shortest relay that Node can be made to run: what sluice costs above it is ours, what it costs is Node's. */
export const bare: Subject = {
  name: 'bare node',
  hasTcp: true,
  hasUdp: true,
  start(rig, vip, { web, bulk, udp }) {
    const to = (places: readonly Place[]) => places.map(({ host, port }) => `${host}:${port}`).join(',');
    const relays = [
      `tcp/${vip}:${ports.web}/${to(web)}`,
      `tcp/${vip}:${ports.bulk}/${to([bulk])}`,
      `udp/${vip}:${ports.udp}/${to([udp])}`,
    ];
    const child = rig.processes.start(rig.node.path, [...rig.node.typescript, program, ...relays]);
    return whenReady(child, vip, { hasUdp: hasEcho(rig) });
  },
};
