import type { Column } from './question.ts';
import type { Loads } from './support/loads.ts';

/**
 * A little of every load before anything is measured, for every proxy alike: compilers and caches are warm in
 * production. What fails here fails again in its question, which tells it.
 */
export async function warmUp({ running }: Column, loads: Loads, seconds: number): Promise<void> {
  const { pid, web, udp } = running;
  if (pid === undefined || web === undefined) return;
  await loads.requests(web, seconds).catch(() => undefined);
  await loads.connections(web, seconds).catch(() => undefined);
  if (udp !== undefined) await loads.datagrams(udp, seconds).catch(() => undefined);
}
