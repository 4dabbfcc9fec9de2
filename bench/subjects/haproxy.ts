import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { missing, type Toolbox } from '../support/tools.ts';
import { type Backends, ports, type Subject, whenReady } from './subject.ts';

/**
 * HAProxy in TCP mode with splice and one thread. With two sockets and half a pipe for each of maxconn it needs 2.5
 * times as many descriptors, and would refuse to start with more where RLIMIT_NOFILE is 20,000.
 */
export function haproxy(tools: Toolbox): Subject {
  return {
    name: 'HAProxy',
    hasTcp: true,
    hasUdp: false,
    ...(tools.haproxy === undefined && { skipped: missing('haproxy') }),
    async start(rig, vip, backends) {
      const file = join(rig.folder, `haproxy-${vip}.cfg`);
      await writeFile(file, configuration(vip, backends));
      return whenReady(rig.processes.start(tools.haproxy ?? 'haproxy', ['-db', '-f', file]), vip, { hasUdp: false });
    },
  };
}

function configuration(vip: string, { web, bulk }: Backends): string {
  return `
global
  nbthread 1
  maxconn 7000
defaults
  mode tcp
  balance roundrobin
  option splice-auto
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen web
  bind ${vip}:${ports.web}
${web.map(({ host, port }, index) => `  server web${index} ${host}:${port}\n`).join('')}
listen bulk
  bind ${vip}:${ports.bulk}
  server bulk ${bulk.host}:${bulk.port}
`;
}
