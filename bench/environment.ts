import { cpus, release, totalmem } from 'node:os';
import type { Rig } from './subjects/subject.ts';
import type { ToolName } from './support/tools.ts';

/** What the numbers depend on: the machine and the versions. */
export interface Environment {
  readonly date: string;
  readonly cpu: string;
  readonly cpus: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** The Node that runs sluice. */
  readonly node: string;
  /** The share of the machine that was busy with something else before the run. */
  readonly otherLoad: number;
  readonly versions: Readonly<Record<string, string>>;
}

const versionFlags: Readonly<Partial<Record<ToolName, string>>> = {
  haproxy: '-v',
  nginx: '-v',
  iperf3: '-v',
  wrk: '-v',
};

export async function environmentOf(rig: Rig, otherLoad: number): Promise<Environment> {
  const names = Object.keys(versionFlags) as ToolName[];
  const versions = await Promise.all(names.map(async (name) => [name, await versionOf(rig, name)] as const));
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cpus: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: rig.node.version,
    otherLoad,
    versions: Object.fromEntries(
      versions.flatMap(([name, version]) => (version === undefined ? [] : [[name, version]])),
    ),
  };
}

/** The first thing in the program's own words that looks like a version. */
async function versionOf({ processes, tools }: Rig, name: ToolName): Promise<string | undefined> {
  const path = tools[name];
  const flag = versionFlags[name];
  if (path === undefined || flag === undefined) return undefined;
  const printed = await processes.run(path, [flag]).catch((error: unknown) => ({ stdout: String(error), stderr: '' }));
  return /\d+\.\d+[\w.+-]*/.exec(printed.stdout + printed.stderr)?.[0];
}

/** One line below the table. */
export function describe(environment: Environment): string {
  const { date, cpu, cpus, memoryGiB, kernel, node, otherLoad, versions } = environment;
  const others = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const machine = `${cpus} × ${cpu}, ${memoryGiB} GiB, Linux ${kernel}`;
  const busy = `${Math.round(otherLoad * 100)} % busy with something else before the run`;
  return `${date.slice(0, 10)}, ${machine}, ${busy}; Node ${node}, ${others.join(', ')}`;
}
