import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadProgram } from '../support/loads.ts';
import { accepting, answering } from '../support/ready.ts';
import { nginxConfiguration } from './nginx.ts';
import { type Backends, patienceWith, type Rig } from './subject.ts';

/** Starts the services behind every subject: nginx with a small answer on two addresses, iperf3, a UDP echo. */
export async function startBackends(rig: Rig): Promise<Backends> {
  const at = (host: number, port: number) => ({ host: `127.${rig.network}.1.${host}`, port });
  const backends: Backends = { web: [at(1, 8081), at(2, 8081)], bulk: at(3, 5201), udp: at(4, 5300) };
  const started: Promise<void>[] = [];
  if (rig.tools.nginx !== undefined) {
    const file = join(rig.folder, 'backends.conf');
    await writeFile(file, nginxConfiguration(file, http(backends)));
    const child = rig.processes.start(rig.tools.nginx, ['-p', rig.folder, '-c', file, '-e', 'stderr']);
    started.push(...backends.web.map((web) => accepting(web, patienceWith(child))));
  }
  const { bulk, udp } = backends;
  if (rig.tools.iperf3 !== undefined) {
    const child = rig.processes.start(rig.tools.iperf3, ['-s', '-B', bulk.host, '-p', `${bulk.port}`]);
    started.push(accepting(bulk, patienceWith(child)));
  }
  if (rig.tools.cc !== undefined) {
    const child = rig.processes.start(loadProgram, ['echo', udp.host, `${udp.port}`]);
    started.push(answering(udp, patienceWith(child)));
  }
  await Promise.all(started);
  return backends;
}

function http({ web }: Backends): string {
  return `http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  server {
    ${web.map(({ host, port }) => `listen ${host}:${port};`).join(' ')}
    location / { return 200 "hello from a backend\\n"; }
  }
}
`;
}
