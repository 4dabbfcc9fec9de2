import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { eligibleEndpoints, judge, type LeftOutReason, leftOutReason } from '../../src/balance/eligibility.ts';
import type { SliceEndpoint } from '../../src/model/service.ts';
import type { Scope } from '../../src/model/snapshot.ts';
import { endpoint } from '../support/model.ts';

const place = { name: 'node-a', zone: 'zone-1' };
const here = { nodeName: 'node-a' };
const there = { nodeName: 'node-b' };
const notReady = { ready: false };
const ending = { ready: false, terminating: true };
const gone = { ready: false, serving: false, terminating: true };
const forA = { forNodes: ['node-a'] };
const forB = { forNodes: ['node-b'] };
const for1 = { forZones: ['zone-1'] };
const for2 = { forZones: ['zone-2'] };

type Given = Partial<SliceEndpoint>;
type Result = LeftOutReason | 'chosen';

/** Each endpoint, and what becomes of it. */
const rows: readonly (readonly [name: string, scope: Scope, ...endpoints: (readonly [Given, Result])[]])[] = [
  ['conditions: ready ones only', 'cluster', [{}, 'chosen'], [notReady, 'not-ready']],
  ['conditions: ready before terminating', 'cluster', [{}, 'chosen'], [ending, 'terminating']],
  ['conditions: none ready, so those that serve and terminate', 'cluster', [ending, 'chosen'], [gone, 'not-ready']],
  ['conditions: else none', 'cluster', [notReady, 'not-ready'], [gone, 'not-ready']],
  ['conditions: nodes do not matter for Cluster', 'cluster', [here, 'chosen'], [there, 'chosen'], [{}, 'chosen']],
  ['Local: only this node', 'local', [here, 'chosen'], [there, 'other-node'], [{}, 'other-node']],
  ['Local: nobody here', 'local', [there, 'other-node']],
  [
    'Local: the fallback is separate from that of Cluster',
    'local',
    [{ ...here, ...ending }, 'chosen'],
    [there, 'other-node'],
  ],
  ['Local: ready here before terminating here', 'local', [here, 'chosen'], [{ ...here, ...ending }, 'terminating']],
  ['Local: not ready here', 'local', [{ ...here, ...notReady }, 'not-ready'], [there, 'other-node']],
  ['Local: no look at hints', 'local', [{ ...here, ...for2 }, 'chosen'], [{ ...there, ...for1 }, 'other-node']],
  ['hints: this zone', 'cluster', [for1, 'chosen'], [for2, 'hinted-to-other-zone']],
  ['hints: one may name several zones', 'cluster', [{ forZones: ['zone-2', 'zone-1'] }, 'chosen'], [for1, 'chosen']],
  ['hints: one endpoint without a zone, so all', 'cluster', [for1, 'chosen'], [for2, 'chosen'], [{}, 'chosen']],
  ['hints: no endpoint for this zone, so all', 'cluster', [for2, 'chosen'], [{ forZones: ['zone-3'] }, 'chosen']],
  ['hints: this node', 'cluster', [forA, 'chosen'], [forB, 'hinted-to-other-node']],
  [
    'hints: nodes go before zones',
    'cluster',
    [{ ...forA, ...for2 }, 'chosen'],
    [{ ...forB, ...for1 }, 'hinted-to-other-node'],
  ],
  [
    'hints: no endpoint for this node, so this zone',
    'cluster',
    [{ ...forB, ...for1 }, 'chosen'],
    [{ ...forB, ...for2 }, 'hinted-to-other-zone'],
  ],
  [
    'hints: one endpoint without a node, so this zone',
    'cluster',
    [{ ...forA, ...for2 }, 'hinted-to-other-zone'],
    [for1, 'chosen'],
  ],
  ['hints: no endpoint for this node, no zones, so all', 'cluster', [forB, 'chosen'], [forB, 'chosen']],
  [
    'hints: only ready ones are asked',
    'cluster',
    [for1, 'chosen'],
    [for2, 'hinted-to-other-zone'],
    [notReady, 'not-ready'],
    [ending, 'terminating'],
  ],
  [
    'hints: one that is not ready does not make a zone served',
    'cluster',
    [{ ...for1, ...notReady }, 'not-ready'],
    [for2, 'chosen'],
  ],
  [
    'hints: none for those that terminate',
    'cluster',
    [{ ...ending, ...for2 }, 'chosen'],
    [{ ...ending, ...for1 }, 'chosen'],
  ],
  ['weight 0 is as if it were not there', 'cluster', [{ weight: 0 }, 'weight-zero'], [ending, 'chosen']],
];

for (const [name, scope, ...given] of rows) {
  test(name, () => {
    const endpoints = given.map(([over], index) => endpoint(`10.0.0.${index + 1}`, over));
    const judgement = judge(endpoints, scope, place);
    const results = endpoints.map((each) => leftOutReason(each, judgement) ?? 'chosen');
    assert.deepEqual(
      results,
      given.map(([, result]) => result),
    );
    const chosen = eligibleEndpoints(endpoints, scope, place);
    assert.deepEqual(
      chosen,
      endpoints.filter((_, index) => results[index] === 'chosen'),
    );
  });
}

test('a node that does not know its name or zone has nothing local and follows no hints', () => {
  const endpoints = [endpoint('10.0.0.1', { ...here, ...forA }), endpoint('10.0.0.2', { ...for1 })];
  assert.deepEqual(eligibleEndpoints(endpoints, 'local', {}), []);
  assert.deepEqual(eligibleEndpoints(endpoints, 'cluster', {}), endpoints);
});

const some = <T>(value: T) => fc.option(fc.constant(value), { nil: undefined });
const given = fc
  .record({
    ready: fc.boolean(),
    serving: fc.boolean(),
    terminating: fc.boolean(),
    weight: fc.nat(1),
    nodeName: fc.constantFrom('node-a', 'node-b'),
    forNodes: some(['node-a']),
    forZones: some(['zone-1']),
  })
  .map(
    ({ forNodes, forZones, ...rest }): Given => ({
      ...rest,
      ...(forNodes && { forNodes }),
      ...(forZones && { forZones }),
    }),
  );

test('law: hints and terminating ones never leave a client without an endpoint that is ready', () => {
  fc.assert(
    fc.property(fc.array(given), fc.constantFrom<Scope[]>('cluster', 'local'), (list, scope) => {
      const endpoints = list.map((over, index) => endpoint(`10.0.1.${index}`, over));
      const counted = endpoints.filter(({ nodeName }) => scope === 'cluster' || nodeName === 'node-a');
      const ready = counted.some((each) => each.ready && each.weight > 0);
      const chosen = eligibleEndpoints(endpoints, scope, place);
      if (ready) assert.ok(chosen.length > 0 && chosen.every((each) => each.ready));
      for (const each of chosen) assert.ok(counted.includes(each) && each.weight > 0);
    }),
  );
});
