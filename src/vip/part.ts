import type { Problem } from '../base/errors.ts';
import type { HostState } from './host.ts';

/** What one part of the host took to be as desired. */
export interface Applied {
  /** How many changes were made, or tried; 0: all was right. */
  readonly changes: number;
  readonly problems: readonly Problem[];
}

/** A part of the host's state: level-triggered, it reads what is there, and changes only what differs. */
export interface HostPart {
  sync(desired: HostState): Promise<Applied>;
}

/** One part after the other; what fails in one takes nothing from the next. A cause that several share is told once. */
export async function syncParts(parts: readonly HostPart[], desired: HostState): Promise<Applied> {
  const problems = new Map<string, Problem>();
  let changes = 0;
  for (const part of parts) {
    const applied = await part.sync(desired);
    changes += applied.changes;
    for (const problem of applied.problems) problems.set(`${problem.code} ${problem.message}`, problem);
  }
  return { changes, problems: [...problems.values()] };
}
