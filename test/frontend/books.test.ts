import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Target } from '../../src/model/target.ts';
import type { FakeFlow, FakeListener } from '../support/fake-engine.ts';
import { settingsWith } from '../support/model.ts';
import { Rig } from './rig.ts';

/** One thing that may happen; the numbers choose among what there is. */
const happening = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('open' as const), at: fc.nat(), connected: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('end' as const), at: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fail' as const), at: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('apply' as const), at: fc.nat(), bits: fc.nat(63) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('advance' as const), at: fc.nat(2_000) }) },
);

const declared = (bits: number) => {
  const pods = ['10.1.0.1', '10.1.0.2', '10.1.0.3'].filter((_, index) => bits & (1 << index));
  const web = bits & 8 ? { web: { vips: ['10.96.0.1', '10.96.0.3'], endpoints: pods } } : {};
  const other = bits & 16 ? { other: { vips: [bits & 8 ? '10.96.0.4' : '10.96.0.1'], endpoints: pods } } : {};
  const dns = bits & 32 ? { dns: { vips: ['10.96.0.2'], endpoints: pods, protocol: 'UDP' as const } } : {};
  return { ...web, ...other, ...dns };
};

const pickOne = <T>(items: Iterable<T>, at: number): T | undefined => {
  const all = [...items];
  return all[at % all.length];
};

function happen(
  listener: FakeListener | undefined,
  step: { readonly kind: 'open' | 'end' | 'fail'; readonly at: number; readonly connected?: boolean },
): void {
  assert.ok(listener);
  if (step.kind === 'open' && listener.stops === 0) listener.open('192.0.2.1', step.connected);
  else if (step.kind === 'fail') failOne(listener, step.at);
  else if (step.kind === 'end') {
    const carried = pickOne(listener.carried, step.at);
    if (carried) listener.end(carried);
  }
}

/** A flow whose first try fails: it goes elsewhere or ends. */
function failOne(listener: FakeListener, at: number): void {
  const carried: FakeFlow | undefined = pickOne(listener.carried, at);
  if (carried === undefined || carried.target !== undefined || carried.flow.lease === undefined) return;
  const route = listener.router.connectFailed(carried.flow, carried.flow.lease, 'connect-refused');
  if (route.kind === 'reject') listener.end(carried, route.reason);
}

test('at all times what was opened is what was closed and what is active', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 1, maxLength: 60 }), async (script) => {
      const rig = new Rig();
      const settings = settingsWith({ endpointDrainTimeoutMs: 1_000, maxFlowsPerService: 6 });
      await rig.apply(declared(63), settings);
      for (const step of script) {
        if (step.kind === 'advance') rig.clock.advance(step.at);
        else if (step.kind === 'apply') await rig.apply(declared(step.bits), settings);
        else happen(pickOne(rig.engine.listeners, step.at), step);
        checkBooks(rig);
      }
      await rig.frontends.close();
      checkBooks(rig);
      assert.equal(rig.load.active, 0);
    }),
    { numRuns: 100 },
  );
});

function checkBooks({ engine, load, observer, balancers }: Rig): void {
  const carried = engine.listeners.reduce((sum, { size }) => sum + size, 0);
  assert.equal(load.active, carried);
  assert.equal(observer.opened, observer.endings.length + carried);
  for (const { targets } of balancers.values()) {
    for (const { stats } of targets.values()) assert.ok(stats.active >= 0 && stats.opened - stats.closed >= 0);
  }
  const leases = new Map<Target, number>();
  for (const { flow } of engine.listeners.flatMap((listener) => [...listener.carried])) {
    if (flow.lease) leases.set(flow.lease, (leases.get(flow.lease) ?? 0) + 1);
  }
  for (const [target, count] of leases) assert.equal(target.stats.active, count);
}
