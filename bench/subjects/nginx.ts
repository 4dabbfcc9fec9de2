import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { missing, nginxStreamModule, type Toolbox } from '../support/tools.ts';
import { type Backends, hasEcho, ports, type Subject, whenReady } from './subject.ts';

/** nginx's stream module, one worker. */
export function nginx(tools: Toolbox): Subject {
  return {
    name: 'nginx',
    hasTcp: true,
    hasUdp: true,
    ...(tools.nginx === undefined && { skipped: missing('nginx') }),
    async start(rig, vip, backends) {
      const file = join(rig.folder, `nginx-${vip}.conf`);
      await writeFile(file, nginxConfiguration(file, stream(vip, backends)));
      const args = ['-p', rig.folder, '-c', file, '-e', 'stderr'];
      return whenReady(rig.processes.start(tools.nginx ?? 'nginx', args), vip, { hasUdp: hasEcho(rig) });
    },
  };
}

/** One worker in the foreground, everything it writes beside its configuration. */
export function nginxConfiguration(file: string, body: string): string {
  return `
load_module ${nginxStreamModule};
worker_processes 1;
daemon off;
pid ${file}.pid;
error_log stderr error;
events { worker_connections 16000; }
${body}`;
}

function stream(vip: string, { web, bulk, udp }: Backends): string {
  return `stream {
  upstream web { ${web.map(({ host, port }) => `server ${host}:${port};`).join(' ')} }
  server { listen ${vip}:${ports.web}; proxy_pass web; proxy_timeout 1h; }
  server { listen ${vip}:${ports.bulk}; proxy_pass ${bulk.host}:${bulk.port}; }
  server { listen ${vip}:${ports.udp} udp; proxy_pass ${udp.host}:${udp.port}; proxy_timeout 30s; }
}
`;
}
