import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FeedState } from '../../src/model/feed-state.ts';
import { defaultSettings } from '../../src/model/settings.ts';
import { emptySnapshot, type Snapshot } from '../../src/model/snapshot.ts';
import { buildSnapshot, type FeedInput, SnapshotBuilder } from '../../src/table/build.ts';
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

/** Edits of one slice at a time; whatever is not edited stays the same object, as feeds leave it. */
const editsArbitrary = fc.array(
  fc.record({
    feed: fc.nat(),
    index: fc.nat(),
    edit: fc.constantFrom('replace', 'remove', 'insert'),
    service: fc.nat(3),
    hosts: fc.uniqueArray(fc.integer({ min: 1, max: 4 })),
  }),
  { minLength: 1, maxLength: 6 },
);

type Edit = typeof editsArbitrary extends fc.Arbitrary<(infer One)[]> ? One : never;

function edited(
  feeds: readonly FeedInput[],
  { feed, index, edit, service: owner, hosts }: Edit,
  id: number,
): FeedInput[] {
  return feeds.map((input, at) => {
    if (at !== feed % feeds.length) return input;
    const slices = [...input.state.slices];
    const place = index % (slices.length + 1);
    const next = slice(
      `edit${id}`,
      `web${owner}`,
      hosts.map((host) => sliceEndpoint(`127.1.0.${host}`)),
    );
    slices.splice(place, edit === 'insert' ? 0 : 1, ...(edit === 'remove' ? [] : [next]));
    return { ...input, state: { ...input.state, slices } };
  });
}

test('law: where only slices change, what is built is what would be built from nothing, and shares what is equal', () => {
  fc.assert(
    fc.property(feedsArbitrary, editsArbitrary, (first, edits) => {
      const builder = new SnapshotBuilder();
      let feeds = first;
      builder.build({ feeds, settings: defaultSettings });
      for (const [id, edit] of edits.entries()) {
        const before = builder.snapshot;
        feeds = edited(feeds, edit, id);
        const built = builder.build({ feeds, settings: defaultSettings });
        const fresh = build(feeds, emptySnapshot);
        assert.deepEqual({ ...built.snapshot, version: 0 }, { ...fresh.snapshot, version: 0 });
        assert.deepEqual(built.problems, fresh.problems);
        assert.equal(
          buildSnapshot({ feeds, settings: defaultSettings }, before).snapshot === before,
          built.snapshot === before,
        );
        for (const [key, frontend] of built.snapshot.frontends)
          assert.equal(built.snapshot.servicePorts.get(frontend.servicePort.key), frontend.servicePort, key);
      }
    }),
  );
});
