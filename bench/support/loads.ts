import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from './folders.ts';
import type { Processes } from './processes.ts';
import type { Place } from './ready.ts';
import type { Toolbox } from './tools.ts';

export interface WrkResult {
  readonly requests: number;
  readonly perSecond: number;
  /** Connections and requests that failed, in wrk's words; empty is well. */
  readonly errors: string;
}

/** Reads the summary that wrk prints. */
export function parseWrk(text: string): WrkResult {
  const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
  if (Number.isNaN(requests) || Number.isNaN(perSecond)) throw new Error(`wrk said: ${text.trim()}`);
  const errors = text.match(/^\s*(Socket errors|Non-2xx).*$/gm) ?? [];
  return { requests, perSecond, errors: errors.map((line) => line.trim()).join('; ') };
}

/** What the server has received, and for how long. */
export interface BulkResult {
  readonly bytes: number;
  readonly seconds: number;
}

/** Reads `iperf3 --json`. */
export function parseIperf(text: string): BulkResult {
  const received = JSON.parse(text)?.end?.sum_received;
  if (!(received?.bytes > 0)) throw new Error(`iperf3 moved nothing: ${text.slice(-300)}`);
  return { bytes: received.bytes, seconds: received.seconds };
}

/** What load.c prints; times in microseconds. */
export interface LoadResult {
  readonly due: number;
  readonly done: number;
  readonly lost: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
}

/** What an open loop asks for, see load.c. */
export type PacedKind = 'request' | 'connection' | 'datagram';

/** The load generators, the same for every subject. */
export class Loads {
  readonly #processes: Processes;
  readonly #tools: Toolbox;

  constructor(processes: Processes, tools: Toolbox) {
    this.#processes = processes;
    this.#tools = tools;
  }

  /** wrk: 64 connections, as fast as they are answered. */
  requests(to: Place, seconds: number, threads = 1): Promise<WrkResult> {
    return this.#wrk(to, seconds, [`-t${threads}`]);
  }

  /** The same with a new connection for each request. */
  connections(to: Place, seconds: number, threads = 1): Promise<WrkResult> {
    return this.#wrk(to, seconds, [`-t${threads}`, '-H', 'Connection: close']);
  }

  async #wrk(to: Place, seconds: number, more: readonly string[]): Promise<WrkResult> {
    const flags = ['-c64', '--timeout', '5s', ...more];
    // wrk knows only whole seconds, and prints its summary also when interrupted.
    const whole = Math.ceil(seconds);
    const interruptMs = whole === seconds ? undefined : seconds * 1_000;
    const url = `http://${to.host}:${to.port}/`;
    const { stdout } = await this.#processes.run(
      this.#tools.wrk ?? 'wrk',
      [...flags, `-d${whole + (interruptMs === undefined ? 0 : 1)}s`, url],
      interruptMs,
    );
    return parseWrk(stdout);
  }

  /** iperf3: client to server. Asked twice at most: its server may turn the next client away while it ends with the last. */
  async bulk(to: Place, seconds: number, streams = 1): Promise<BulkResult> {
    return this.#iperf(to, seconds, streams).catch(() => this.#iperf(to, seconds, streams));
  }

  async #iperf(to: Place, seconds: number, streams: number): Promise<BulkResult> {
    const whole = Math.max(1, Math.round(seconds));
    const args = ['-c', to.host, '-p', `${to.port}`, '-t', `${whole}`, '-P', `${streams}`, '-J'];
    return parseIperf((await this.#processes.run(this.#tools.iperf3 ?? 'iperf3', args)).stdout);
  }

  /** 32 clients, 200 bytes, each sends when it was answered. */
  datagrams(to: Place, seconds: number): Promise<LoadResult> {
    return this.#load(['udp', to.host, `${to.port}`, '32', '200', `${seconds}`]);
  }

  /** `rate` a second in all, whether or not the last ones were answered; at most 64 are under way. */
  paced(kind: PacedKind, to: Place, rate: number, seconds: number): Promise<LoadResult> {
    return this.#load(['open', kind, to.host, `${to.port}`, '64', `${rate}`, `${seconds}`]);
  }

  async #load(args: readonly string[]): Promise<LoadResult> {
    return JSON.parse((await this.#processes.run(loadProgram, args)).stdout);
  }
}

/** Where `buildLoad` leaves the program made of load.c. */
export const loadProgram = join(cacheFolder, 'load');

export async function buildLoad(processes: Processes, cc: string): Promise<void> {
  await mkdir(cacheFolder, { recursive: true });
  const source = join(import.meta.dirname, 'load.c');
  await processes.run(cc, ['-O2', '-Wall', '-o', loadProgram, source, '-lm']);
}
