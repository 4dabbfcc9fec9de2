import type { NodeBinary } from '../support/node-binary.ts';
import type { Child, Processes } from '../support/processes.ts';
import { accepting, answering, type Patience, type Place } from '../support/ready.ts';
import type { Toolbox } from '../support/tools.ts';

/** What everything in a run shares. */
export interface Rig {
  readonly processes: Processes;
  readonly tools: Toolbox;
  readonly node: NodeBinary;
  /** Flags of Node for every sluice process. */
  readonly sluiceFlags: readonly string[];
  /** A folder of this run's own, removed at its end. */
  readonly folder: string;
  /** The second number of every address of this run, 127.N.x.y: several runs do not meet. */
  readonly network: number;
  /** An address that nobody in this run has used. */
  freshVip(): string;
  say(line: string): void;
}

/** The services behind every proxy. */
export interface Backends {
  readonly web: readonly [Place, Place];
  readonly bulk: Place;
  readonly udp: Place;
}

/** One way from a client to the backends, and the process that is measured. */
export interface Running {
  /** Absent for `direct`, and for what carries no UDP. */
  readonly pid?: number;
  readonly web?: Place;
  readonly bulk?: Place;
  readonly udp?: Place;
  close(): Promise<void>;
}

export interface Subject {
  /** The head of its column. */
  readonly name: string;
  /** The relay engine, if this is sluice: targets are stated by engine. */
  readonly engine?: string;
  /** What chooses that engine in the configuration of sluice. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The only question that it is asked; all if absent. */
  readonly only?: string;
  readonly hasUdp: boolean;
  readonly hasTcp: boolean;
  /** Why it cannot run here, e.g. a program that is missing. */
  readonly skipped?: string;
  /** Listens on `vip` in front of the backends; resolves when it accepts. */
  start(rig: Rig, vip: string, backends: Backends): Promise<Running>;
}

export const ports = { web: 8080, bulk: 5201, udp: 5300, admin: 9090 } as const;

export function patienceWith(child: Child): Patience {
  return { withinMs: 10_000, everyMs: 10, hopeless: () => child.ended() };
}

/** Whether a UDP echo runs behind the proxies: without a compiler there is none. */
export function hasEcho({ tools }: Rig): boolean {
  return tools.cc !== undefined;
}

/** A started proxy, once its frontends work. */
export async function whenReady(child: Child, vip: string, { hasUdp }: { readonly hasUdp: boolean }): Promise<Running> {
  const web = { host: vip, port: ports.web };
  const bulk = { host: vip, port: ports.bulk };
  const udp = { host: vip, port: ports.udp };
  await accepting(web, patienceWith(child));
  if (hasUdp) await answering(udp, patienceWith(child));
  return { pid: child.pid, web, bulk, ...(hasUdp && { udp }), close: () => child.close() };
}
