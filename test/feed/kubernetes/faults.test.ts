import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KubeFeed } from '../../../src/feed/kubernetes/kube-feed.ts';
import { serviceObject, sliceObject } from '../../support/api-objects.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/until.ts';
import { Recorder } from '../file/support.ts';
import {
  endpointsOf,
  hastyClock,
  OpenAccess,
  startFeed,
  startServer,
  untilEndpoints,
  untilServices,
} from './support.ts';

const web = serviceObject('web', '10.96.0.1');
const webSlice = (...addresses: string[]) => sliceObject('web', addresses);

async function watching(t: Parameters<typeof startServer>[0], init?: Parameters<typeof startServer>[1]) {
  const server = await startServer(t, init);
  server.set(web, webSlice('10.0.0.1'));
  const { feed, seen } = await startFeed(t, server);
  await until(() => server.watches === 2, 'both are watched');
  return { server, feed, seen };
}

test('connections that are cut are made again, from where they were', async (t) => {
  const { server, seen } = await watching(t);
  const lists = server.asked('limit=');
  for (const how of ['reset', 'end', 'reset'] as const) {
    server.cutWatches(how);
    server.set(webSlice(`10.0.1.${how.length}`));
    await untilEndpoints(seen, `10.0.1.${how.length}`);
    await until(() => server.watches === 2, 'both are watched again');
  }
  assert.equal(server.asked('limit='), lists, 'without another list');
});

test('a connection that is cut in the middle of an object loses nothing', async (t) => {
  const { server, seen } = await watching(t);
  server.write('{"type":"MODIFIED","object":{"metadata":{"na', 'endpointslices');
  server.cutWatches();
  server.set(webSlice('10.0.0.2'));
  await untilEndpoints(seen, '10.0.0.2');
});

test('while the server is away the last state stays, and what was missed comes when it is back', async (t) => {
  const { server, seen } = await watching(t);
  const deliveries = seen.states.length;
  await server.close();
  const reported = /the last known serve on: .*ECONNREFUSED/;
  await until(() => reported.test(seen.problems[0]?.message ?? ''), 'it is reported');
  assert.equal(seen.states.length, deliveries);
  server.set(webSlice('10.0.0.7'), serviceObject('late', '10.96.0.9'));
  await server.listen();
  await untilEndpoints(seen, '10.0.0.7');
  await untilServices(seen, 'late web');
  await until(() => seen.problems.length === 0, 'the problem is gone');
});

test('a version that is gone (410) is made good by a list: as an event of the watch', async (t) => {
  const { server, seen } = await watching(t);
  server.expireWatches();
  server.set(webSlice('10.0.0.3'));
  await untilEndpoints(seen, '10.0.0.3');
  const lists = server.requests.filter(({ searchParams }) => searchParams.has('limit'));
  assert.equal(lists.length, 4);
  assert.equal(lists.at(-1)?.searchParams.has('resourceVersion'), false, 'the newest state, not any that it remembers');
});

test('a version that is gone (410) is made good by a list: after an outage', async (t) => {
  const { server, seen } = await watching(t);
  await server.close();
  server.delete(web);
  server.set(serviceObject('other', '10.96.0.2'));
  server.compact();
  await server.listen();
  await untilServices(seen, 'other');
});

test('a version that is gone (410) is made good by a list: as the status of the watch', async (t) => {
  const { server, seen } = await watching(t);
  server.answers.set('/apis/discovery.k8s.io/v1/endpointslices', 410);
  server.cutWatches();
  server.set(webSlice('10.0.0.3'));
  await until(() => server.asked('endpointslices', 'limit=') > 1, 'it lists');
  server.answers.clear();
  await untilEndpoints(seen, '10.0.0.3');
});

test('lines that are no events are skipped and counted, the rest applies, and a list makes sure', async (t) => {
  const { server, seen } = await watching(t);
  server.write('this is not JSON\n{"type":"WHAT","object":{}}\n{"type":"ADDED","object":7}\nnull\n', 'services');
  server.set(serviceObject('other', '10.96.0.2'));
  await untilServices(seen, 'other web');
  await until(() => seen.codes.includes('KUBERNETES_GARBAGE'), 'it is reported');
  assert.match(seen.problems[0]?.message ?? '', /^Services: 4 lines/);
  server.cutWatches('end');
  await until(() => server.asked('/services', 'limit=') === 2, 'it lists anew');
  await until(() => seen.problems.length === 0, 'the problem is gone');
});

test('an event in small pieces is one event', async (t) => {
  const { server, seen } = await watching(t);
  const object = {
    ...serviceObject('ümlaut', '10.96.0.3'),
    metadata: { name: 'pieces', namespace: 'default', resourceVersion: '900' },
  };
  const text = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: { ...object, note: 'ä' } })}\n`);
  for (let at = 0; at < text.length; at += 7) {
    server.write(text.subarray(at, at + 7), 'services');
    await new Promise((resolve) => setImmediate(resolve));
  }
  await untilServices(seen, 'pieces web');
});

test('a list that comes slowly is waited for', async (t) => {
  const server = await startServer(t);
  server.slowPieces = 5;
  server.slowMs = 20;
  server.set(web, webSlice('10.0.0.1'));
  const { seen } = await startFeed(t, server);
  assert.equal(endpointsOf(seen), '10.0.0.1');
});

test('a list that does not come to its end is given up after a minute, and tried again', async (t) => {
  const server = await startServer(t);
  server.slowPieces = 2;
  server.slowMs = 3_600_000;
  server.set(web, webSlice('10.0.0.1'));
  const clock = new FakeClock();
  const seen = new Recorder();
  const feed = new KubeFeed({ name: 'kubernetes', clock, access: new OpenAccess(server) });
  t.after(() => feed.close());
  const started = feed.start(seen);
  await until(() => server.asked('limit=') === 2, 'it asks');
  clock.advance(10_000);
  await started;
  await until(() => {
    clock.advance(1_000);
    return seen.codes.includes('KUBERNETES_UNREACHABLE');
  }, 'it is reported');
  assert.match(seen.problems[0]?.message ?? '', /not all came in 60 s/);
  server.slowMs = 0;
  await until(() => {
    clock.advance(100);
    return endpointsOf(seen) === '10.0.0.1';
  }, 'it is read');
});

test('an answer that is no list is a failure, and no empty list', async (t) => {
  const { server, feed, seen } = await watching(t);
  server.answers.set('/api/v1/services', 200);
  await feed.reload();
  await until(() => seen.codes.includes('KUBERNETES_UNREACHABLE'), 'it is reported');
  assert.match(seen.problems[0]?.message ?? '', /no list of Service/);
  assert.deepEqual(seen.names, ['web']);
});

test('a list whose pages expire on the way begins anew', async (t) => {
  const server = await startServer(t, { pageItems: 2 });
  for (let index = 0; index < 5; index += 1) server.set(serviceObject(`s${index}`, `10.96.0.${index + 1}`));
  server.slowMs = 60;
  const seen = new Recorder();
  const feed = new KubeFeed({ name: 'kubernetes', clock: hastyClock, access: new OpenAccess(server) });
  t.after(() => feed.close());
  const started = feed.start(seen);
  await until(() => server.asked('/services', 'limit=') === 1, 'the first page is asked for');
  server.set(serviceObject('s9', '10.96.0.9'));
  server.compact();
  await started;
  await until(() => seen.names.length === 6, 'all are there');
});

test('watches that end at once are not asked for without a pause', async (t) => {
  const { server } = await watching(t);
  const clock = new FakeClock();
  const feed = new KubeFeed({ name: 'other', clock, access: new OpenAccess(server) });
  t.after(() => feed.close());
  await feed.start(new Recorder());
  const before = server.requests.length;
  for (let round = 0; round < 20; round += 1) {
    server.cutWatches('end');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const asked = server.requests.slice(before).length;
  // The two watches of the first feed go on, with their own pauses of 40 ms at most; those of the second stand still.
  assert.ok(asked < 30, `${asked} requests`);
});

test('the pauses grow while the server refuses', async (t) => {
  const server = await startServer(t);
  server.answers.set('/api/v1/services', 503);
  const clock = new FakeClock();
  const feed = new KubeFeed({ name: 'kubernetes', clock, access: new OpenAccess(server) });
  t.after(() => feed.close());
  await feed.start(new Recorder());
  const times: number[] = [];
  for (let tries = server.asked('/services'); times.length < 5; ) {
    clock.advance(10);
    await new Promise((resolve) => setImmediate(resolve));
    if (server.asked('/services') === tries) continue;
    tries = server.asked('/services');
    times.push(clock.now());
  }
  const pauses = times.map((time, index) => time - (times[index - 1] ?? 0));
  assert.ok((pauses[4] ?? 0) > 4 * (pauses[0] ?? 0), `pauses: ${pauses}`);
});

test('a connection that died without a word is given up after three minutes of silence', async (t) => {
  const server = await startServer(t);
  server.set(web, webSlice('10.0.0.1'));
  const clock = new FakeClock();
  const seen = new Recorder();
  const feed = new KubeFeed({ name: 'kubernetes', clock, access: new OpenAccess(server) });
  t.after(() => feed.close());
  await feed.start(seen);
  await until(() => server.watches === 2, 'both are watched');
  // The feed knows so, too, once it has heard from both: only then may time pass.
  clock.advance(1);
  server.bookmark();
  await until(() => feed.staleMs() === 0, 'both watches are heard');
  clock.advance(120_000);
  server.bookmark();
  await until(() => feed.staleMs() === 0, 'a bookmark came');
  clock.advance(179_999);
  assert.equal(server.asked('watch='), 2);
  clock.advance(1);
  await until(() => server.asked('watch=') === 4 && server.watches === 2, 'both are watched anew');
  assert.equal(server.asked('limit='), 2, 'without another list');
  assert.deepEqual(seen.problems, [], 'and nothing is wrong');
});
