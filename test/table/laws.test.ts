import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FeedState } from '../../src/model/feed-state.ts';
import { defaultSettings } from '../../src/model/settings.ts';
import { emptySnapshot, type Snapshot } from '../../src/model/snapshot.ts';
import { buildSnapshot, type FeedInput, SnapshotBuilder } from '../../src/table/build.ts';
import { type Changes, diff } from '../../src/table/diff.ts';
import { service, slice, sliceEndpoint } from '../support/model.ts';

const sliceArbitrary = fc.record({
  service: fc.nat(3),
  endpoints: fc.array(fc.record({ host: fc.integer({ min: 1, max: 4 }), ready: fc.boolean() }), { maxLength: 4 }),
});
const feedArbitrary: fc.Arbitrary<FeedState> = fc
  .record({
    services: fc.array(fc.record({ name: fc.nat(3), vips: fc.uniqueArray(fc.integer({ min: 1, max: 4 })) }), {
      maxLength: 4,
    }),
    slices: fc.array(sliceArbitrary, { maxLength: 4 }),
  })
  .map(({ services, slices }) => ({
    services: services.map(({ name, vips }) =>
      service(
        `web${name}`,
        vips.map((vip) => `127.9.0.${vip}`),
      ),
    ),
    slices: slices.map(({ service: owner, endpoints }, index) =>
      slice(
        `s${index}`,
        `web${owner}`,
        endpoints.map(({ host, ready }) => sliceEndpoint(`127.1.0.${host}`, { ready })),
      ),
    ),
  }));
const feedsArbitrary = fc
  .array(feedArbitrary, { maxLength: 3 })
  .map((states): FeedInput[] => states.map((state, index) => ({ name: `feed${index}`, state })));

const build = (feeds: readonly FeedInput[], previous: Snapshot) =>
  buildSnapshot({ feeds, settings: defaultSettings }, previous);

test('law: building the same again, from equal objects, gives the same snapshot and problems', () => {
  fc.assert(
    fc.property(feedsArbitrary, (feeds) => {
      const first = build(feeds, emptySnapshot);
      const again = build(structuredClone(feeds), first.snapshot);
      assert.equal(again.snapshot, first.snapshot);
      assert.deepEqual(again.problems, first.problems);
    }),
  );
});

test('law: what is built does not depend on what was there before, but for the version', () => {
  fc.assert(
    fc.property(fc.array(feedsArbitrary, { minLength: 1, maxLength: 4 }), (history) => {
      const builder = new SnapshotBuilder();
      for (const feeds of history) {
        const built = builder.build({ feeds, settings: defaultSettings });
        const fresh = build(feeds, emptySnapshot);
        assert.deepEqual({ ...built.snapshot, version: 0 }, { ...fresh.snapshot, version: 0 });
        assert.deepEqual(built.problems, fresh.problems);
      }
    }),
  );
});

test('law: a frontend belongs to one service, which defines it', () => {
  fc.assert(
    fc.property(feedsArbitrary, (feeds) => {
      const { snapshot } = build(feeds, emptySnapshot);
      const services = feeds.flatMap(({ state }) => state.services);
      for (const { address, servicePort } of snapshot.frontends.values()) {
        assert.equal(snapshot.servicePorts.get(servicePort.key), servicePort);
        const definition = services.find(({ key }) => key === servicePort.service);
        assert.ok(definition?.vips.includes(address));
      }
    }),
  );
});

function applyTo<K, T extends { readonly key: K }>(map: ReadonlyMap<K, T>, change: Changes<T>): Map<K, T> {
  const result = new Map(map);
  for (const { key } of change.removed) assert.ok(result.delete(key), `${key} was not there`);
  for (const value of change.added) {
    assert.ok(!result.has(value.key), `${value.key} was there`);
    result.set(value.key, value);
  }
  for (const { before, after } of change.changed) {
    assert.equal(result.get(before.key), before);
    assert.notEqual(after, before);
    result.set(after.key, after);
  }
  return result;
}

/** Same keys, same objects. */
function assertSame<K, T>(one: ReadonlyMap<K, T>, other: ReadonlyMap<K, T>): void {
  assert.equal(one.size, other.size);
  for (const [key, value] of one) assert.equal(other.get(key), value);
}

test('law: apply(diff(a, b), a) equals b', () => {
  fc.assert(
    fc.property(feedsArbitrary, feedsArbitrary, (one, other) => {
      const before = build(one, emptySnapshot).snapshot;
      const after = build(other, before).snapshot;
      const change = diff(before, after);
      assertSame(applyTo(before.frontends, change.frontends), after.frontends);
      assertSame(applyTo(before.servicePorts, change.servicePorts), after.servicePorts);
    }),
  );
});

test('law: diff(a, a) is empty', () => {
  fc.assert(
    fc.property(feedsArbitrary, (feeds) => {
      const { snapshot } = build(feeds, emptySnapshot);
      const empty = { added: [], removed: [], changed: [] };
      assert.deepEqual(diff(snapshot, snapshot), { frontends: empty, servicePorts: empty });
    }),
  );
});
