import assert from 'node:assert/strict';
import type { Program } from './program.ts';
import type { PrometheusFamily } from './prometheus-text.ts';
import { samplesOf, sumOfSamples } from './prometheus-text.ts';
import { until } from './until.ts';

type Families = Map<string, PrometheusFamily>;

/** Opened = closed + active, for the service ports and for the endpoints. It holds at all times. */
export function assertBalanced(families: Families): void {
  for (const prefix of ['sluice_flows', 'sluice_endpoint_flows']) {
    const opened = sumOfSamples(families, `${prefix}_opened_total`);
    const closed = sumOfSamples(families, `${prefix}_closed_total`);
    assert.equal(opened, closed + sumOfSamples(families, `${prefix}_active`), `${prefix}: opened = closed + active`);
  }
}

/** The metrics once no flow is left; they balance. */
export async function settled(program: Program): Promise<Families> {
  let families: Families = new Map();
  await until(async () => {
    families = await program.metrics();
    return sumOfSamples(families, 'sluice_flows_active') === 0;
  }, 'no flow is left');
  assertBalanced(families);
  assert.equal(sumOfSamples(families, 'sluice_endpoint_flows_active'), 0);
  return families;
}

/** How flows ended: `{ closed: 3, reset: 1 }`. */
export function endings(families: Families): Record<string, number> {
  return byReason(families, 'sluice_flows_closed_total');
}

export function connectFailures(families: Families): Record<string, number> {
  return byReason(families, 'sluice_connect_failures_total');
}

function byReason(families: Families, name: string): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { labels, value } of samplesOf(families, name)) {
    const { reason = '' } = labels;
    if (value > 0) sums[reason] = (sums[reason] ?? 0) + value;
  }
  return sums;
}

/** No line of the log is an error: what goes wrong with a peer is no fault of the program. */
export function assertNoErrors(program: Program): void {
  const bad = program.lines().filter(({ level }) => level === 'error' || level === 'fatal');
  assert.deepEqual(bad, []);
  assert.equal(program.errors, '');
}
