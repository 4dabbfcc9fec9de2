import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forwards, healthRoutes, updateLimitMs } from '../../src/admin/health-routes.ts';

const rows: readonly (readonly [name: string, waitingMs: number, draining: boolean, healthz: number, livez: number])[] =
  [
    ['all is applied', 0, false, 200, 200],
    ['an update waits, not too long', updateLimitMs, false, 200, 200],
    ['an update has waited too long', updateLimitMs + 1, false, 503, 503],
    ['draining', 0, true, 503, 200],
  ];
for (const [name, waitingMs, draining, healthz, livez] of rows) {
  test(`health of the node: ${name}`, async () => {
    const source = { updateWaitingMs: () => waitingMs, draining: () => draining };
    const routes = healthRoutes(source);
    const status = async (path: string) => (await routes.get(path)?.(new URLSearchParams()))?.status;
    assert.deepEqual([await status('/healthz'), await status('/livez')], [healthz, livez]);
    assert.equal(forwards(source), healthz === 200);
  });
}
