import { readdirSync, readFileSync } from 'node:fs';

/** How many flows this process can carry, given the descriptors that it may open. */
export interface Ceiling {
  /** RLIMIT_NOFILE, the soft limit; Node.js raises it to the hard limit when it starts. */
  readonly descriptors: number;
  /** Kept for everything that is not a flow: what is open already, listeners, waiting clients, files, the admin server. */
  readonly reserved: number;
  /** Descriptors for flows: two for a TCP connection, one for a UDP session. */
  readonly forFlows: number;
  /** Accepted connections that may wait for descriptors; they use the reserve. */
  readonly mostWaiting: number;
}

const mostSlack = 128;

/** `open`: descriptors that are open already, the process's own; `frontends`: how many listeners there will be. */
export function ceilingOf(descriptors: number, open: number, frontends: number): Ceiling {
  const slack = Math.min(mostSlack, Math.max(8, Math.floor(descriptors / 16)));
  const reserved = Math.min(open + frontends + slack, descriptors);
  return { descriptors, reserved, forFlows: descriptors - reserved, mostWaiting: Math.floor(slack / 2) };
}

/** The soft limit of open files (proc(5), `/proc/self/limits`); 1024, the usual default, where it cannot be read. */
export function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(soft ?? 1024);
  } catch {
    return 1024;
  }
}

/** How many descriptors are open now (`/proc/self/fd`). */
export function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 32;
  }
}
