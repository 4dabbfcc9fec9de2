import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** CPU time of one thread in nanoseconds, by thread id. */
export type ThreadTimes = ReadonlyMap<string, number>;

/** The first field of `/proc/PID/task/TID/schedstat`: nanoseconds on a CPU (Linux, sched-stats.rst). */
export function parseSchedstat(text: string): number {
  const ns = Number(text.trim().split(/\s+/)[0]);
  if (text.trim() === '' || !Number.isFinite(ns)) throw new Error(`not a schedstat: ${JSON.stringify(text)}`);
  return ns;
}

/** What the threads used between two readings. A thread that began in between counts from zero. */
export function spentNs(before: ThreadTimes, after: ThreadTimes): number {
  let sum = 0;
  for (const [thread, ns] of after) sum += Math.max(0, ns - (before.get(thread) ?? 0));
  return sum;
}

/**
 * Busy and whole time of all CPUs in clock ticks, from the first line of `/proc/stat` (proc_stat(5)). Guest time is
 * left out: the kernel counts it inside user and nice already.
 */
export function parseStat(text: string): { readonly busy: number; readonly total: number } {
  const [name, ...fields] = (text.split('\n')[0] ?? '').trim().split(/\s+/);
  const ticks = fields.slice(0, 8).map(Number);
  if (name !== 'cpu' || ticks.length < 5 || ticks.some(Number.isNaN)) throw new Error('not a /proc/stat');
  const total = ticks.reduce((sum, n) => sum + n, 0);
  return { busy: total - (ticks[3] ?? 0) - (ticks[4] ?? 0), total };
}

/** A process and all below it: nginx relays in a child. */
export function processTree(pid: number): number[] {
  const children = readOrEmpty(`/proc/${pid}/task/${pid}/children`).split(/\s+/).filter(Boolean);
  return [pid, ...children.flatMap((child) => processTree(Number(child)))];
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // gone since it was listed
  }
}

function threadTimes(pid: number): ThreadTimes {
  const times = new Map<string, number>();
  for (const process of processTree(pid))
    for (const thread of readdirSync(`/proc/${process}/task`)) {
      const text = readOrEmpty(`/proc/${process}/task/${thread}/schedstat`);
      if (text !== '') times.set(thread, parseSchedstat(text));
    }
  return times;
}

/** The share of the machine, 0 to 1, that is busy while nobody here does anything. */
export async function otherLoad(forMs: number): Promise<number> {
  const before = parseStat(readFileSync('/proc/stat', 'utf8'));
  await delay(forMs);
  const after = parseStat(readFileSync('/proc/stat', 'utf8'));
  return (after.busy - before.busy) / Math.max(1, after.total - before.total);
}

/** USER_HZ: fixed at 100 in the kernel's interface to user space on every machine this runs on. */
const nsPerTick = 1e9 / 100;

export interface Usage {
  /** The CPU time of the measured process tree; absent when there was no process to measure. */
  readonly proxyNs?: number;
  /** Busy time of the whole machine, every process and every CPU; in steps of 10 ms. */
  readonly machineNs: number;
}

/**
 * Runs `load` and says what it cost. The threads are read several times a second, not only at the end, because the
 * time of a thread that has exited is gone from /proc: at most its last 200 ms are missed.
 */
export async function metered<T>(pid: number | undefined, load: () => Promise<T>): Promise<[T, Usage]> {
  const before = pid === undefined ? new Map<string, number>() : threadTimes(pid);
  const latest = new Map(before);
  const read = () => {
    if (pid !== undefined) for (const [thread, ns] of threadTimes(pid)) latest.set(thread, ns);
  };
  const timer = setInterval(read, 200);
  try {
    const busyBefore = parseStat(readFileSync('/proc/stat', 'utf8')).busy;
    const result = await load();
    const machineNs = (parseStat(readFileSync('/proc/stat', 'utf8')).busy - busyBefore) * nsPerTick;
    read();
    return [result, pid === undefined ? { machineNs } : { proxyNs: spentNs(before, latest), machineNs }];
  } finally {
    clearInterval(timer);
  }
}

/** Resident memory of a process tree in KiB: `Rss` of smaps_rollup, exact where VmRSS of status is batched. */
export function residentKiB(pid: number): number {
  let sum = 0;
  for (const process of processTree(pid)) {
    const match = /^Rss:\s+(\d+) kB$/m.exec(readOrEmpty(`/proc/${process}/smaps_rollup`));
    sum += Number(match?.[1] ?? 0);
  }
  return sum;
}
