import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Processes } from './processes.ts';

/** A program that the bench needs, and the Debian package that has it. */
export interface Tool {
  readonly name: string;
  readonly package: string;
  /** Another file that must be there too, e.g. a module. */
  readonly file?: string;
}

export const nginxStreamModule = '/usr/lib/nginx/modules/ngx_stream_module.so';

export const tools = {
  wrk: { name: 'wrk', package: 'wrk' },
  iperf3: { name: 'iperf3', package: 'iperf3' },
  haproxy: { name: 'haproxy', package: 'haproxy' },
  nginx: { name: 'nginx', package: 'nginx libnginx-mod-stream', file: nginxStreamModule },
  cc: { name: 'cc', package: 'gcc libc6-dev' },
} as const satisfies Record<string, Tool>;

export type ToolName = keyof typeof tools;
/** Where a tool is, or undefined with the reason told by `missing`. */
export type Toolbox = Readonly<Record<ToolName, string | undefined>>;

const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin', '/sbin'];

function find(tool: Tool): string | undefined {
  if (tool.file !== undefined && !existsSync(tool.file)) return undefined;
  return folders.map((folder) => join(folder, tool.name)).find((path) => existsSync(path));
}

/** The words that stand in the table in place of a number. */
export function missing(name: ToolName): string {
  return `no ${name} (apt-get install ${tools[name].package})`;
}

/** Finds every tool; as root, installs what is missing with apt-get. What cannot be had stays undefined. */
export async function findTools(processes: Processes, say: (line: string) => void): Promise<Toolbox> {
  const absent = Object.values(tools).filter((tool) => find(tool) === undefined);
  if (absent.length > 0 && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    const packages = absent.flatMap((tool) => tool.package.split(' '));
    say(`installing ${packages.join(' ')}`);
    await install(processes, packages).catch((error) => say(`apt-get: ${error}`));
  }
  const found = Object.entries(tools).map(([name, tool]) => [name, find(tool)]);
  return Object.fromEntries(found) as Record<ToolName, string | undefined>;
}

async function install(processes: Processes, packages: readonly string[]): Promise<void> {
  const quietly = ['DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', '-y'];
  await processes.run('env', [...quietly, 'update']);
  await processes.run('env', [...quietly, 'install', '--no-install-recommends', ...packages]);
}
