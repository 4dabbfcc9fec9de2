import { setTimeout as delay } from 'node:timers/promises';

const deadlineMs = 15_000;
const stepMs = 2;

/** Waits until `condition` holds. It looks often and fails late, so the time it takes is the program's and not ours. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`in ${deadlineMs} ms it did not come true that ${what}`);
    await delay(stepMs);
  }
}
