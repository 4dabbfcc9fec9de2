import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type HealthSource, healthOf, readinessOf } from '../../src/admin/health.ts';
import type { UnreadyReason } from '../../src/admin/shapes.ts';
import type { FrontendState, FrontendView } from '../../src/metrics/views.ts';
import { frontendOf, servicePortNamed } from '../support/live-views.ts';

const problem = {
  code: 'MANIFEST_INVALID',
  message: 'no such port',
  position: { file: 'web.yaml', line: 3, column: 7 },
};
const synced = { name: 'files', synced: true, problems: [] };
const listening: FrontendState = { kind: 'listening' };
const binding: FrontendState = { kind: 'binding' };
const failed: FrontendState = { kind: 'failed', code: 'EADDRINUSE', message: 'address already in use' };

function views(...states: FrontendState[]): FrontendView[] {
  return states.map((state, index) => ({
    frontend: frontendOf(servicePortNamed('web'), `10.96.0.${index + 1}`),
    state,
  }));
}

function source(over: Partial<HealthSource> = {}): HealthSource {
  return {
    updateWaitingMs: () => 0,
    draining: () => false,
    snapshotVersion: () => 1,
    feeds: () => [synced],
    frontends: () => views(listening),
    vips: () => ({ problems: [], cutOff: false }),
    ...over,
  };
}

describe('health', () => {
  const rows: [name: string, waitingMs: number, status: string][] = [
    ['no update waits', 0, 'ok'],
    ['an update waits no longer than it may', 30_000, 'ok'],
    ['an update has waited too long', 30_001, 'stuck'],
  ];
  for (const [name, waitingMs, status] of rows) {
    test(name, () => {
      const response = healthOf({ updateWaitingMs: () => waitingMs }, 30_000);
      assert.deepEqual(response, { status, updateWaitingMs: waitingMs });
    });
  }
});

describe('readiness', () => {
  const rows: [name: string, over: Partial<HealthSource>, status: string, reasons: UnreadyReason[]][] = [
    ['all is well', {}, 'ready', []],
    ['nothing is declared', { frontends: () => [], feeds: () => [] }, 'ready', []],
    ['a feed has not synced', { feeds: () => [synced, { ...synced, synced: false }] }, 'unready', ['feed-not-synced']],
    ['nothing is published', { snapshotVersion: () => 0 }, 'unready', ['nothing-published']],
    ['a frontend is being bound', { frontends: () => views(listening, binding) }, 'unready', ['frontend-binding']],
    ['one of two frontends cannot be bound', { frontends: () => views(listening, failed) }, 'degraded', []],
    ['no frontend can be bound', { frontends: () => views(failed, failed) }, 'unready', ['no-frontend-listening']],
    ['a feed has problems after its sync', { feeds: () => [{ ...synced, problems: [problem] }] }, 'degraded', []],
    ['a VIP is not on this host', { vips: () => ({ problems: [problem], cutOff: false }) }, 'degraded', []],
    [
      'nftables leads no VIP to the relay',
      { vips: () => ({ problems: [problem], cutOff: true }) },
      'unready',
      ['vips-not-redirected'],
    ],
    ['draining', { draining: () => true }, 'unready', ['draining']],
  ];
  for (const [name, over, status, reasons] of rows) {
    test(name, () => {
      const response = readinessOf(source(over));
      assert.deepEqual([response.status, response.reasons], [status, reasons]);
    });
  }

  test('problems are told with file, line, column and code; frontends with their error', () => {
    const feeds = () => [{ ...synced, problems: [problem] }];
    const response = readinessOf(source({ feeds, frontends: () => views(listening, failed) }));
    assert.deepEqual(response.feeds, [{ name: 'files', synced: true, problems: [problem] }]);
    assert.deepEqual(response.vips, { problems: [] });
    const { code, message } = { code: 'EADDRINUSE', message: 'address already in use' };
    const expected = { vip: '10.96.0.2:80', protocol: 'TCP', service: 'default/web', code, message };
    assert.deepEqual(response.frontends, { listening: 1, binding: 0, failed: [expected] });
  });
});
