import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, type TestContext, test } from 'node:test';
import { systemClock } from '../../../src/base/clock.ts';
import { ApiClient } from '../../../src/feed/kubernetes/api-client.ts';
import { EventWriter } from '../../../src/feed/kubernetes/event-writer.ts';
import { KubeFeed, type KubeFeedInit } from '../../../src/feed/kubernetes/kube-feed.ts';
import { KubeconfigAccess } from '../../../src/feed/kubernetes/kubeconfig.ts';
import { pathOf, services } from '../../../src/feed/kubernetes/objects.ts';
import { watchOnce } from '../../../src/feed/kubernetes/watch.ts';
import { endpointsObject, serviceObject, sliceObject } from '../../support/api-objects.ts';
import type { TestObject } from '../../support/api-server.ts';
import { until } from '../../support/until.ts';
import { Recorder } from '../file/support.ts';

/** Against the API server of `$KUBECONFIG`, whatever it is. It makes Services, slices and Events there, and deletes them. */
const skip = process.env.KUBECONFIG ? false : 'KUBECONFIG is not set: no real API server is at hand';

/** Neither the timers of the clock nor the process for credentials keep this one alive. */
const alive = setInterval(() => {}, 60_000);
after(() => clearInterval(alive));

const access = new KubeconfigAccess({ clock: systemClock });
const client = new ApiClient({ access, clock: systemClock });
const { signal } = new AbortController();
const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
const core = '/api/v1/namespaces/default';

async function startFeed(t: TestContext, init: Partial<KubeFeedInit> = {}) {
  const feed = new KubeFeed({ name: 'kubernetes', clock: systemClock, access, ...init });
  t.after(() => feed.close());
  const seen = new Recorder();
  await feed.start(seen);
  return { feed, seen };
}

async function make(t: TestContext, path: string, body: TestObject): Promise<void> {
  const made = await client.json({ path, method: 'POST', body, signal });
  assert.equal(made.kind, 'ok', JSON.stringify(made));
  t.after(() => client.json({ path: `${path}/${body.metadata.name}`, method: 'DELETE', signal }));
}

const remove = (path: string) => client.json({ path, method: 'DELETE', signal });
const newName = () => `sluice-test-${randomUUID().slice(0, 8)}`;

/** The API server chooses its cluster IP. */
async function makeService(t: TestContext, name: string, labels: Record<string, string> = {}): Promise<void> {
  const { clusterIP: _, clusterIPs: __, ...spec } = serviceObject(name, '').spec as Record<string, unknown>;
  await make(t, `${core}/services`, { ...serviceObject(name, '', { labels }), spec });
}

/** A slice, or Endpoints where the server is older than those. */
async function makeEndpoints(t: TestContext, name: string, address: string): Promise<string> {
  const known = await client.json({ path: `${slices}?limit=1`, signal });
  if (known.kind === 'ok') {
    await make(t, slices, sliceObject(name, [address]));
    return `${slices}/${name}-x`;
  }
  assert.equal(known.failure.status, 404);
  await make(t, `${core}/endpoints`, endpointsObject(name, [address]));
  return `${core}/endpoints/${name}`;
}

function addressesOf({ last }: Recorder, name: string): readonly string[] {
  return last.slices
    .filter(({ service }) => service === `default/${name}`)
    .flatMap(({ endpoints }) => endpoints.map(({ address }) => address));
}

test('a real API server: the first sync is complete, and nothing is wrong with it', { skip }, async (t) => {
  const { seen } = await startFeed(t);
  assert.deepEqual(seen.problems, []);
  assert.ok(seen.last.services.some(({ namespace, name }) => namespace === 'default' && name === 'kubernetes'));
});

test('a real API server: a Service and its endpoints come and go', { skip }, async (t) => {
  const { seen } = await startFeed(t);
  const name = newName();
  await makeService(t, name);
  await until(() => seen.names.includes(name), 'the Service is there');
  const path = await makeEndpoints(t, name, '192.0.2.1');
  await until(() => addressesOf(seen, name).includes('192.0.2.1'), 'it has its endpoint');
  await remove(path);
  await until(() => addressesOf(seen, name).length === 0, 'the endpoint is gone');
  await remove(`${core}/services/${name}`);
  await until(() => !seen.names.includes(name), 'the Service is gone');
  assert.deepEqual(seen.problems, []);
});

test('a real API server: another list of the same changes nothing', { skip }, async (t) => {
  const name = newName();
  await makeService(t, name);
  const { feed, seen } = await startFeed(t, { labelSelector: `!no-such-label`, namespace: 'default' });
  const service = seen.last.services.find((each) => each.name === name);
  await feed.reload();
  assert.ok(service !== undefined);
  assert.equal(
    seen.last.services.find((each) => each.name === name),
    service,
  );
});

test('a real API server: selectors are its own', { skip }, async (t) => {
  const [mine, other, foreign] = [newName(), newName(), newName()];
  await makeService(t, mine, { team: mine });
  await makeService(t, other, { team: 'another' });
  await makeService(t, foreign, { team: mine, 'service.kubernetes.io/service-proxy-name': 'another' });
  const { seen } = await startFeed(t, { labelSelector: `team=${mine}` });
  assert.deepEqual(seen.names, [mine]);
});

test('a real API server: an Event is written as it wants it', { skip }, async (t) => {
  const name = newName();
  await makeService(t, name);
  const writer = new EventWriter({ client, clock: systemClock, nodeName: 'n1' });
  t.after(() => writer.close());
  const regarding = { kind: 'Service', namespace: 'default', name, uid: '' };
  await writer.write(regarding, { reason: 'FrontendBindFailed', message: 'a test of sluice says so' });
  const path = `${core}/events?fieldSelector=involvedObject.name=${name}`;
  const found = await client.json({ path, signal });
  assert.equal(found.kind, 'ok');
  const { items } = found.value as { items: { reason: string; metadata: { name: string } }[] };
  assert.deepEqual(
    items.map(({ reason }) => reason),
    ['FrontendBindFailed'],
  );
  await remove(`${core}/events/${items[0]?.metadata.name}`);
});

test('a real API server: a version that it has forgotten is told as such', { skip }, async () => {
  const told: string[] = [];
  const end = await watchOnce({
    client,
    clock: systemClock,
    resource: services,
    path: pathOf(services, undefined),
    query: {},
    version: '1',
    toleranceMs: 0,
    signal,
    onContact: () => {},
    onGarbage: () => assert.fail('it is no event'),
    onEvent: (type) => told.push(type),
  });
  assert.deepEqual(
    { expired: end.expired, failure: end.failure, told },
    { expired: true, failure: undefined, told: [] },
  );
});
