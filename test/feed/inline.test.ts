import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from '../../src/base/pace.ts';
import type { FeedState } from '../../src/feed/feed.ts';
import { InlineFeed } from '../../src/feed/inline.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { service, slice } from '../support/model.ts';

const state = (vip: string): FeedState => ({
  services: [service('web', [vip]), service('db', ['10.0.0.9'])],
  slices: [slice('web-1', 'web', ['10.1.0.1'])],
});

async function started(first: FeedState) {
  const states: FeedState[] = [];
  const feed = new InlineFeed(first);
  await feed.start({ sync: (next) => states.push(next), report: () => assert.fail('an inline feed has no problems') });
  return { feed, states };
}

test('the first state is delivered at the start', async () => {
  const first = state('10.0.0.1');
  const { states } = await started(first);
  assert.deepEqual(states, [first]);
});

const replace = async (feed: InlineFeed, next: FeedState) =>
  feed.update(await feed.prepare(next, new Pace(new FakeClock())));

test('what did not change stays the same object', async () => {
  const { feed, states } = await started(state('10.0.0.1'));
  await replace(feed, state('10.0.0.2'));
  const [before, after] = states;
  assert.equal(states.length, 2);
  assert.deepEqual(after?.services[0]?.vips, ['10.0.0.2']);
  assert.notEqual(after?.services[0], before?.services[0]);
  assert.equal(after?.services[1], before?.services[1]);
  assert.equal(after?.slices[0], before?.slices[0]);
});

test('equal services are no news', async () => {
  const { feed, states } = await started(state('10.0.0.1'));
  await replace(feed, state('10.0.0.1'));
  await feed.reload();
  assert.equal(states.length, 1);
});

test('services that are gone are gone', async () => {
  const { feed, states } = await started(state('10.0.0.1'));
  feed.update({ services: [], slices: [] });
  assert.deepEqual(states[1], { services: [], slices: [] });
});

test('an update before the start is what the start delivers; after the close nothing is', async () => {
  const feed = new InlineFeed({ services: [], slices: [] });
  feed.update(state('10.0.0.1'));
  const states: FeedState[] = [];
  await feed.start({ sync: (next) => states.push(next), report: () => undefined });
  assert.equal(states[0]?.services.length, 2);
  await feed.close();
  feed.update({ services: [], slices: [] });
  assert.equal(states.length, 1);
});
