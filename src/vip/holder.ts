import { readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import type { Problem } from '../base/errors.ts';

/** What a process that holds the claim says of itself. Anybody could hold it: it is text from outside. */
const holderSchema = z.object({
  pid: z.int().positive(),
  /** The pid namespace in which `pid` is its number, as proc(5) `/proc/self/ns/pid` names it. */
  pidSpace: z.string().max(100),
  /** The words of its command line after `sluice`. */
  command: z
    .string()
    .max(4_096)
    .regex(/^\P{C}*$/u),
});
export type Holder = z.infer<typeof holderSchema>;

/** This process. */
export function ownHolder(): Holder {
  return { pid: process.pid, pidSpace: pidSpace(), command: process.argv.slice(2).join(' ') };
}

function pidSpace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return 'unknown';
  }
}

/** `next`: waits in line for the claim; `who`: only asks. */
export type Word = 'next' | 'who';

export type Asked =
  /** It was given up meanwhile. */
  | { readonly kind: 'gone' }
  /** `socket` ends when it is given up. */
  | { readonly kind: 'held'; readonly by: Holder | undefined; readonly socket: Socket };

/** The process may be stopped, or no sluice at all. */
const answerMs = 1_000;

/** Asks whoever listens on the socket `path` who it is. Never rejects. */
export function askHolder(path: string, word: Word, clock: Clock): Promise<Asked> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const answer = (asked: Asked) => {
      timer.cancel();
      resolve(asked);
    };
    const timer = clock.after(answerMs, () => answer({ kind: 'held', by: undefined, socket }));
    socket.setEncoding('utf8').on('error', () => {});
    socket.once('data', (text) => answer({ kind: 'held', by: readHolder(String(text)), socket }));
    socket.once('close', () => answer({ kind: 'gone' }));
    socket.write(word);
  });
}

function readHolder(text: string): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** `another sluice (pid 4711: sluice run -c /etc/sluice/sluice.yaml)`, as far as it says so. */
function nameOf(holder: Holder | undefined): string {
  if (holder === undefined) return 'a process that does not say who it is (see ss -xlp | grep sluice-vip)';
  const where = holder.pidSpace === pidSpace() ? '' : ' in a container of its own';
  return `another sluice (pid ${holder.pid}${where}: sluice ${holder.command})`;
}

/** What it means for one who waits, and for one who only asked. */
export function heldProblem(holder: Holder | undefined, word: Word): Problem {
  const then = word === 'next' ? 'this one changes nothing until it ends, and takes over then' : 'end it first';
  return { code: 'VIP_HELD_BY_OTHER', message: `${nameOf(holder)} makes VIPs land on this host: ${then}` };
}
