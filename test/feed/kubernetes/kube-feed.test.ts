import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KubeFeed } from '../../../src/feed/kubernetes/kube-feed.ts';
import { endpointsObject, nodeObject, serviceObject, sliceObject } from '../../support/api-objects.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/until.ts';
import { Recorder } from '../file/support.ts';
import { endpointsOf, OpenAccess, startFeed, startServer, untilEndpoints, untilServices } from './support.ts';

const web = serviceObject('web', '10.96.0.1');
const webSlice = (...addresses: string[]) => sliceObject('web', addresses);

test('services and their endpoints are there after the start, and follow', async (t) => {
  const server = await startServer(t);
  server.set(web, webSlice('10.0.0.1', '10.0.0.2'));
  const { seen } = await startFeed(t, server);
  assert.deepEqual(seen.names, ['web']);
  assert.equal(endpointsOf(seen), '10.0.0.1 10.0.0.2');
  assert.equal(seen.vipOf('web'), '10.96.0.1');
  await until(() => server.watches === 2, 'both are watched');
  for (const pods of [['10.0.0.1', '10.0.0.2', '10.0.0.3'], ['10.0.0.3'], [], ['10.0.0.4', '10.0.0.5']]) {
    server.set(webSlice(...pods));
    await untilEndpoints(seen, pods.join(' '));
  }
  server.set(serviceObject('other', '10.96.0.2'));
  await untilServices(seen, 'other web');
  server.delete(web);
  await untilServices(seen, 'other');
  assert.deepEqual(seen.problems, []);
});

test('it asks as reflectors do: limit, resourceVersion=0, bookmarks, a timeout, its selectors', async (t) => {
  const server = await startServer(t);
  await startFeed(t, server, { labelSelector: 'app=web', namespace: 'shop', nodeName: 'n1' });
  await until(() => server.watches === 3, 'all are watched');
  const notOurs = '!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name';
  const by = (path: string, watch: boolean) =>
    server.requests.find(({ pathname, searchParams }) => pathname === path && searchParams.has('watch') === watch);
  const services = by('/api/v1/namespaces/shop/services', false)?.searchParams;
  assert.equal(services?.get('limit'), '500');
  assert.equal(services?.get('resourceVersion'), '0');
  assert.equal(services?.get('labelSelector'), `${notOurs},app=web`);
  const slices = by('/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices', false)?.searchParams;
  assert.equal(slices?.get('labelSelector'), notOurs);
  assert.equal(by('/api/v1/nodes', false)?.searchParams.get('fieldSelector'), 'metadata.name=n1');
  const watch = by('/api/v1/namespaces/shop/services', true)?.searchParams;
  assert.equal(watch?.get('allowWatchBookmarks'), 'true');
  assert.equal(watch?.get('resourceVersion'), '100');
  const timeout = Number(watch?.get('timeoutSeconds'));
  assert.ok(timeout >= 300 && timeout < 600, `${timeout} s`);
});

test('a list in pages is put together', async (t) => {
  const server = await startServer(t, { pageItems: 3 });
  for (let index = 0; index < 10; index += 1) server.set(serviceObject(`s${index}`, `10.96.0.${index + 1}`));
  const { seen } = await startFeed(t, server);
  assert.equal(seen.states.length, 1);
  assert.equal(seen.names.length, 10);
  assert.equal(server.asked('/services', 'continue='), 3);
});

test('nothing is delivered before every kind is known whole', async (t) => {
  const server = await startServer(t);
  server.set(web, webSlice('10.0.0.1'));
  server.answers.set('/apis/discovery.k8s.io/v1/endpointslices', 500);
  const { seen } = await startFeed(t, server);
  assert.equal(seen.states.length, 0);
  assert.deepEqual(seen.codes, ['KUBERNETES_UNREACHABLE']);
  await until(() => server.asked('endpointslices') > 3, 'it tries again');
  assert.equal(seen.states.length, 0);
  server.answers.clear();
  await until(() => seen.states.length === 1, 'it is delivered');
  assert.equal(endpointsOf(seen), '10.0.0.1');
  await until(() => seen.problems.length === 0, 'the problem is gone');
});

test('a burst of events is one delivery, and what did not change stays the same object', async (t) => {
  const server = await startServer(t);
  server.set(web, webSlice('10.0.0.1'));
  const { seen } = await startFeed(t, server);
  await until(() => server.watches === 2, 'both are watched');
  const [first] = seen.last.services;
  const [slice] = seen.last.slices;
  for (let index = 0; index < 1_000; index += 1)
    server.set(serviceObject(`s${index}`, `10.96.${1 + (index >> 8)}.${index & 255}`));
  await until(() => seen.last.services.length === 1_001, 'all are there');
  assert.ok(seen.states.length < 100, `${seen.states.length} deliveries`);
  assert.equal(seen.last.services[0], first);
  assert.equal(seen.last.slices[0], slice);
  const deliveries = seen.states.length;
  server.set({ ...web, metadata: { ...web.metadata, managedFields: [{ manager: 'x' }] } });
  server.set(webSlice('10.0.0.2'));
  await untilEndpoints(seen, '10.0.0.2');
  assert.equal(seen.last.services[0], first, 'told again, and no other');
  assert.ok(seen.states.length - deliveries <= 2);
});

test('a relist of the same objects delivers nothing', async (t) => {
  const server = await startServer(t);
  server.set(web, webSlice('10.0.0.1'));
  const { feed, seen } = await startFeed(t, server);
  await feed.reload();
  assert.equal(seen.states.length, 1);
  assert.equal(server.lists('/services'), 2);
  server.set(webSlice('10.0.0.9'));
  await feed.reload();
  assert.equal(endpointsOf(seen), '10.0.0.9', 'a reload is done when it is delivered');
});

test('labels that make a service another proxy’s take it away, and give it back', async (t) => {
  const server = await startServer(t);
  server.set(web, webSlice('10.0.0.1'));
  const { seen } = await startFeed(t, server);
  await until(() => server.watches === 2, 'both are watched');
  server.set(serviceObject('web', '10.96.0.1', { labels: { 'service.kubernetes.io/service-proxy-name': 'other' } }));
  await untilServices(seen, '');
  server.set(web);
  await untilServices(seen, 'web');
});

test('an object that is wrong is named and stays as it was; the others apply', async (t) => {
  const server = await startServer(t);
  server.set(web, webSlice('10.0.0.1'));
  const { seen } = await startFeed(t, server);
  await until(() => server.watches === 2, 'both are watched');
  server.set(serviceObject('web', 'no address'), serviceObject('other', '10.96.0.2'));
  await untilServices(seen, 'other web');
  assert.equal(seen.vipOf('web'), '10.96.0.1');
  await until(() => seen.codes.join() === 'MANIFEST_INVALID', 'it is reported');
  assert.match(seen.problems[0]?.message ?? '', /Service default\/web/);
  server.set(serviceObject('web', '10.96.0.7'));
  await until(() => seen.vipOf('web') === '10.96.0.7', 'it is right again');
  await until(() => seen.problems.length === 0, 'and no problem');
});

test('a server without EndpointSlices is asked for Endpoints', async (t) => {
  const server = await startServer(t, { kinds: new Set(['Service', 'Endpoints']) });
  server.set(web, endpointsObject('web', ['10.0.0.1', '10.0.0.2']));
  const { seen } = await startFeed(t, server);
  assert.equal(endpointsOf(seen), '10.0.0.1 10.0.0.2');
  await until(() => server.watches === 2, 'both are watched');
  server.set(endpointsObject('web', ['10.0.0.3']));
  await untilEndpoints(seen, '10.0.0.3');
  assert.deepEqual(seen.problems, []);
});

test('a server that is updated, and has EndpointSlices then, is asked for them when its watch ends', async (t) => {
  const kinds = new Set(['Service', 'Endpoints']);
  const server = await startServer(t, { kinds });
  server.set(web, endpointsObject('web', ['10.0.0.1']));
  const { seen } = await startFeed(t, server);
  await until(() => server.watches === 2, 'both are watched');
  kinds.add('EndpointSlice');
  server.set(webSlice('10.0.0.2'));
  server.cutWatches('end');
  await untilEndpoints(seen, '10.0.0.2');
  await until(() => server.watches === 2, 'both are watched again');
  server.cutWatches('end');
  await until(() => server.watches === 2, 'and again');
  assert.equal(server.lists('endpointslices'), 2, 'from then on without another list');
});

test('with a label selector the endpoints of other services are left out', async (t) => {
  const server = await startServer(t);
  const mine = serviceObject('mine', '10.96.0.2', { labels: { team: 'a' } });
  server.set(web, webSlice('10.0.0.1'), mine, sliceObject('mine', ['10.0.0.2']));
  const { seen } = await startFeed(t, server, { labelSelector: 'team=a' });
  assert.deepEqual(seen.names, ['mine']);
  assert.deepEqual(
    seen.last.slices.map(({ name }) => name),
    ['default/mine-x'],
  );
});

test('the own node tells its zone and networks; a heartbeat changes nothing', async (t) => {
  const server = await startServer(t);
  server.set(web, nodeObject('n1', 'zone-a'), nodeObject('n2', 'zone-b'));
  const { seen } = await startFeed(t, server, { nodeName: 'n1' });
  assert.deepEqual(seen.last.node?.place, { name: 'n1', zone: 'zone-a' });
  assert.deepEqual(seen.last.node?.podCidrs, ['10.244.1.0/24']);
  await until(() => server.watches === 3, 'all are watched');
  server.set(nodeObject('n1', 'zone-a'));
  server.set(serviceObject('other', '10.96.0.2'));
  await untilServices(seen, 'other web');
  assert.equal(seen.states.length, 2);
  assert.equal(seen.last.node, seen.states[0]?.node);
  server.set(nodeObject('n1', 'zone-c'));
  await until(() => seen.last.node?.place.zone === 'zone-c', 'it has moved');
  server.delete(nodeObject('n1', ''));
  await until(() => seen.last.node?.place.zone === undefined, 'it is gone');
  assert.deepEqual(seen.last.node, { place: { name: 'n1' }, podCidrs: [] });
});

test('the own node tells its addresses, internal ones first, and no names', async (t) => {
  const server = await startServer(t);
  const addresses = [
    { type: 'Hostname', address: 'n1' },
    { type: 'ExternalIP', address: '198.51.100.1' },
    { type: 'InternalIP', address: '192.0.2.1' },
    { type: 'InternalIP', address: '2001:DB8::0:1' },
  ];
  server.set(web, nodeObject('n1', 'zone-a', { addresses }));
  const { seen } = await startFeed(t, server, { nodeName: 'n1' });
  assert.deepEqual(seen.last.node?.addresses, ['192.0.2.1', '2001:db8::1', '198.51.100.1']);
  await until(() => server.watches === 3, 'all are watched');
  server.set(nodeObject('n1', 'zone-a', { addresses: addresses.slice(0, 2) }));
  await until(() => seen.last.node?.addresses?.join() === '198.51.100.1', 'it has others');
});

for (const [name, status, code] of [
  ['without the right to read nodes', 403, 'KUBERNETES_FORBIDDEN'],
  ['by a server that has no nodes', 404, 'KUBERNETES_UNREACHABLE'],
] as const) {
  test(`${name} services are served all the same, and the name of the own node counts`, async (t) => {
    const server = await startServer(t);
    server.set(web, webSlice('10.0.0.1'));
    server.answers.set('/api/v1/nodes', status);
    const clock = new FakeClock();
    const seen = new Recorder();
    const feed = new KubeFeed({ name: 'kubernetes', clock, access: new OpenAccess(server), nodeName: 'n1' });
    t.after(() => feed.close());
    await feed.start(seen);
    assert.deepEqual(seen.names, ['web']);
    assert.deepEqual(seen.last.node?.place, { name: 'n1' });
    assert.deepEqual(seen.codes, [code]);
    await until(() => server.watches === 2, 'the others are watched');
    clock.advance(1);
    server.bookmark();
    await until(() => feed.staleMs() === 0, 'and they alone can be stale');
  });
}

test('staleness is the time since the server was last heard of', async (t) => {
  const server = await startServer(t);
  server.set(web);
  const clock = new FakeClock();
  const feed = new KubeFeed({ name: 'kubernetes', clock, access: new OpenAccess(server) });
  t.after(() => feed.close());
  await feed.start(new Recorder());
  await until(() => server.watches === 2, 'both are watched');
  // The feed knows so, too, once it has heard from both: only then may time pass.
  clock.advance(1);
  server.bookmark();
  await until(() => feed.staleMs() === 0, 'both watches are heard');
  clock.advance(60_000);
  assert.equal(feed.staleMs(), 60_000);
  server.bookmark();
  await until(() => feed.staleMs() === 0, 'a bookmark is a sign of life');
});

test('a start does not wait for a server that says nothing', async (t) => {
  const server = await startServer(t);
  server.answers.set('/api/v1/services', 'hang');
  const clock = new FakeClock();
  const seen = new Recorder();
  const feed = new KubeFeed({ name: 'kubernetes', clock, access: new OpenAccess(server) });
  t.after(() => feed.close());
  const started = feed.start(seen);
  await until(() => server.asked('/services') === 1, 'it asks');
  clock.advance(10_000);
  await started;
  assert.equal(seen.states.length, 0);
  clock.advance(20_000);
  await until(() => {
    clock.advance(1);
    return seen.codes.includes('KUBERNETES_UNREACHABLE');
  }, 'it is reported');
  assert.match(seen.problems[0]?.message ?? '', /no answer in 30 s/);
});

test('closing ends every watch', async (t) => {
  const server = await startServer(t);
  const { feed } = await startFeed(t, server);
  await until(() => server.watches === 2, 'both are watched');
  await feed.close();
  await until(() => server.watches === 0, 'none is left');
});

test('closing does not wait for credentials that do not come', async () => {
  let asked = 0;
  const connection = () => {
    asked += 1;
    return new Promise<never>(() => {});
  };
  const access = { connection, renew: () => {} };
  const feed = new KubeFeed({ name: 'kubernetes', clock: new FakeClock(), access });
  void feed.start(new Recorder());
  await until(() => asked === 2, 'it asks for both lists');
  await feed.close();
});
