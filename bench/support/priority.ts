import { readFileSync } from 'node:fs';
import { processTree } from './cpu.ts';
import type { Processes } from './processes.ts';

/** Round-robin real time of the lowest priority, sched(7): before all normal processes, and none of ours before another. */
const realTime = ['-r', '-p', '1'];
const normal = ['-o', '-p', '0'];

/**
 * Runs `work` while this process and all that it has started, the proxies, the backends and the load alike, go before
 * everything else on the machine. Where that cannot be had it runs `work` as it is, and says so.
 */
export async function undisturbed<T>(work: () => Promise<T>, rig: Where): Promise<T> {
  await schedule(realTime, rig).catch((error: unknown) => rig.say(String(error)));
  const isRaised = policyOf(readFileSync('/proc/self/stat', 'utf8')) === roundRobin;
  if (!isRaised) rig.say('at normal priority: what else runs on this machine disturbs the measurement');
  try {
    return await work();
  } finally {
    if (isRaised) await schedule(normal, rig);
  }
}

/** SCHED_RR of sched.h. */
const roundRobin = 2;

/** The scheduling policy in `/proc/PID/stat` (proc_pid_stat(5)), the 41st field: the name, the 2nd, may have spaces in it. */
export function policyOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[41 - 3]);
}

interface Where {
  readonly processes: Processes;
  say(line: string): void;
}

/** With chrt(1), every thread of each process; those that they start inherit it. */
async function schedule(policy: readonly string[], { processes }: Where): Promise<void> {
  for (const pid of processTree(process.pid)) await processes.run('chrt', ['--all-tasks', ...policy, `${pid}`]);
}
