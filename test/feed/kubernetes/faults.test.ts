import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Clock } from '../../../src/base/clock.ts';
import { KubeFeed } from '../../../src/feed/kubernetes/kube-feed.ts';
import { serviceObject, sliceObject } from '../../support/api-objects.ts';
import type { ApiServer } from '../../support/api-server.ts';
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
  const lists = server.lists();
  for (const how of ['reset', 'end', 'reset'] as const) {
    server.cutWatches(how);
    server.set(webSlice(`10.0.1.${how.length}`));
    await untilEndpoints(seen, `10.0.1.${how.length}`);
    await until(() => server.watches === 2, 'both are watched again');
  }
  assert.equal(server.lists(), lists, 'without another list');
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
  const lists = server.requests.filter(({ searchParams }) => !searchParams.has('watch'));
  assert.equal(lists.length, 4);
  const { searchParams } = lists.at(-1) ?? new URL('http://none');
  assert.equal(searchParams.get('resourceVersion'), '102', 'none that is older than ours, not any that it remembers');
  assert.equal(searchParams.has('limit'), false, 'with a limit the version would have to be met exactly');
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
  await until(() => server.lists('endpointslices') > 1, 'it lists');
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
  await until(() => server.lists('/services') === 2, 'it lists anew');
  await until(() => seen.problems.length === 0, 'the problem is gone');
});

test('an event that was lost to half a line is made good by a list soon, though the watch goes on', async (t) => {
  const server = await startServer(t);
  server.set(web, webSlice('10.0.0.1'));
  // The patience with such a watch, 5 s at first, is the only time of that length.
  const clock: Clock = { ...hastyClock, after: (ms, task) => hastyClock.after(ms === 5_000 ? 40 : ms, task) };
  const { seen } = await startFeed(t, server, { clock });
  await until(() => server.watches === 2, 'both kinds are watched');
  server.write('{"type":"ADDED","obj', 'endpointslices');
  server.set(webSlice('10.0.0.2'));
  await untilEndpoints(seen, '10.0.0.2');
  assert.equal(server.lists('endpointslices'), 2);
  await until(() => server.watches === 2, 'both kinds are watched again');
  server.set(webSlice('10.0.0.3'));
  await untilEndpoints(seen, '10.0.0.3');
  assert.equal(server.lists('endpointslices'), 2, 'and followed');
});

test('empty lines are none, and a version that is empty is none', async (t) => {
  const { server, seen } = await watching(t);
  server.write('\n\r\n', 'services');
  server.write('{"type":"BOOKMARK","object":{"kind":"Service","metadata":{"resourceVersion":""}}}\n', 'services');
  server.cutWatches('end');
  server.set(serviceObject('other', '10.96.0.2'));
  await untilServices(seen, 'other web');
  assert.equal(server.asked('/services', 'watch=true', 'resourceVersion=102'), 2, 'from where it was');
  assert.deepEqual(seen.codes, []);
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
  await until(() => server.lists() === 2, 'it asks');
  clock.advance(10_000);
  await started;
  await until(() => {
    clock.advance(1_000);
    return seen.codes.includes('KUBERNETES_UNREACHABLE');
  }, 'it is reported');
  assert.match(seen.problems[0]?.message ?? '', /nothing more came in 60 s/);
  server.slowMs = 0;
  await until(() => {
    clock.advance(100);
    return endpointsOf(seen) === '10.0.0.1';
  }, 'it is read');
});

test('a watch that the server fails is tried again from where it was, after a pause that the server names', async (t) => {
  const server = await startServer(t);
  server.set(web, webSlice('10.0.0.1'));
  const clock = new FakeClock();
  const seen = new Recorder();
  const feed = new KubeFeed({ name: 'kubernetes', clock, access: new OpenAccess(server) });
  t.after(() => feed.close());
  await feed.start(seen);
  await until(() => server.watches === 2, 'both are watched');
  server.fail(500, 'endpointslices', { retryAfterSeconds: 7 });
  await until(() => {
    clock.advance(1);
    return seen.codes.includes('KUBERNETES_UNREACHABLE');
  }, 'it is reported');
  assert.match(seen.problems[0]?.message ?? '', /the test fails it \(HTTP_500\)/);
  const watches = server.asked('endpointslices', 'watch=');
  clock.advance(6_000);
  assert.equal(server.asked('endpointslices', 'watch='), watches, 'not yet');
  clock.advance(1_000);
  await until(() => server.asked('endpointslices', 'watch=') === watches + 1, 'it watches again');
  assert.equal(server.lists('endpointslices'), 1, 'without another list');
  await until(() => {
    clock.advance(20);
    return seen.problems.length === 0;
  }, 'the problem is gone');
});

for (const [name, retryAfter] of [
  ['seconds', '12'],
  ['a date', new Date(new FakeClock().wallTime() + 12_000).toUTCString()],
] as const) {
  test(`too many requests (429): it waits as long as Retry-After says, in ${name}`, async (t) => {
    const server = await startServer(t);
    server.answers.set('/api/v1/services', 429);
    server.retryAfter = retryAfter;
    const clock = new FakeClock();
    const feed = new KubeFeed({ name: 'kubernetes', clock, access: new OpenAccess(server) });
    t.after(() => feed.close());
    await feed.start(new Recorder());
    clock.advance(11_900);
    assert.equal(server.asked('/services'), 1);
    clock.advance(100);
    await until(() => server.asked('/services') === 2, 'it asks again');
  });
}

test('a server that wants to be left alone for a day is asked again after five minutes', async (t) => {
  const server = await startServer(t);
  server.answers.set('/api/v1/services', 503);
  server.retryAfter = '86400';
  const clock = new FakeClock();
  const feed = new KubeFeed({ name: 'kubernetes', clock, access: new OpenAccess(server) });
  t.after(() => feed.close());
  await feed.start(new Recorder());
  clock.advance(300_000);
  await until(() => server.asked('/services') === 2, 'it asks again');
});

test('credentials that were just replaced are tried before anything is told', async (t) => {
  const server = await startServer(t, { tokens: new Set(['one']) });
  server.set(web, webSlice('10.0.0.1'));
  let token = 'one';
  let read = token;
  const access = {
    connection: async () => ({ server: server.url, options: { headers: { authorization: `Bearer ${read}` } } }),
    renew: () => {
      read = token;
    },
  };
  const { seen } = await startFeed(t, server, { access });
  token = 'two';
  server.tokens?.clear();
  server.tokens?.add('two');
  server.cutWatches('end');
  server.set(webSlice('10.0.0.2'));
  await untilEndpoints(seen, '10.0.0.2');
  assert.deepEqual(seen.codes, []);
});

test('an etcd that was set back, in an outage: what it has lost goes, and what comes is seen', async (t) => {
  const server = await startServer(t);
  const lost = serviceObject('lost', '10.96.0.5');
  server.set(web, lost);
  let tries = 0;
  const connection = async () => {
    tries += 1;
    return { server: server.url, options: {} };
  };
  const { seen } = await startFeed(t, server, { access: { connection, renew: () => {} } });
  await until(() => server.watches === 2, 'both are watched');
  await server.close();
  server.setBack(50, lost);
  const before = tries;
  await until(() => tries >= before + 4, 'it has tried often enough');
  await server.listen();
  server.set(serviceObject('new', '10.96.0.6'));
  await untilServices(seen, 'new web');
});

/** A feed that watches both kinds of `server`, and has heard from both: from now on time may pass. */
async function watchedFeed(t: TestContext, server: ApiServer) {
  const clock = new FakeClock();
  const seen = new Recorder();
  const feed = new KubeFeed({ name: 'kubernetes', clock, access: new OpenAccess(server) });
  t.after(() => feed.close());
  await feed.start(seen);
  await until(() => server.watches === 2, 'both are watched');
  clock.advance(1);
  server.bookmark();
  await until(() => feed.staleMs() === 0, 'both watches are heard');
  return { clock, seen, feed };
}

test('an etcd that was set back, without an outage: its silence tells it', async (t) => {
  const server = await startServer(t);
  const lost = serviceObject('lost', '10.96.0.5');
  server.set(web, lost, webSlice('10.0.0.1'));
  const { clock, seen } = await watchedFeed(t, server);
  server.setBack(50, lost);
  server.set(serviceObject('new', '10.96.0.6'));
  server.bookmark();
  clock.advance(180_000);
  await until(() => {
    clock.advance(20);
    return [...seen.names].sort().join(' ') === 'new web';
  }, 'a list has told it');
});

test('an etcd that was set back, in a moment in which connections were lost: its silence tells it soon', async (t) => {
  const server = await startServer(t);
  const lost = serviceObject('lost', '10.96.0.5');
  server.set(web, lost);
  const { clock, seen, feed } = await watchedFeed(t, server);
  clock.advance(60_000);
  server.setBack(50, lost);
  server.cutWatches('reset');
  await until(() => {
    clock.advance(5);
    return server.watches === 2;
  }, 'both are watched again');
  await until(() => feed.staleMs() < 60_000, 'and the feed knows');
  assert.equal(server.lists(), 2);
  clock.advance(20_000);
  await until(() => {
    clock.advance(5);
    return [...seen.names].sort().join(' ') === 'web';
  }, 'a list has told it');
});

test('an etcd that was set back: an object may be another one with the uid and the version of before', async (t) => {
  const { server, feed, seen } = await watching(t);
  server.set(webSlice('10.0.0.2'));
  await untilEndpoints(seen, '10.0.0.2');
  server.setBack(102);
  server.set(webSlice('10.0.0.3'));
  await feed.reload();
  assert.equal(endpointsOf(seen), '10.0.0.3');
});

test('an object of another kind is none of ours, and a list makes sure', async (t) => {
  const { server, seen } = await watching(t);
  const object = { ...serviceObject('stray', '10.96.0.4'), kind: 'Route', apiVersion: 'route.openshift.io/v1' };
  server.write(`${JSON.stringify({ type: 'ADDED', object })}\n`, 'services');
  server.set(serviceObject('other', '10.96.0.2'));
  await untilServices(seen, 'other web');
  await until(() => seen.codes.includes('KUBERNETES_GARBAGE'), 'it is reported');
});

test('a bookmark may say more than was asked for', async (t) => {
  const { server, seen } = await watching(t);
  const metadata = { resourceVersion: '900', annotations: { 'k8s.io/initial-events-end': 'true' } };
  server.write(
    `${JSON.stringify({ type: 'BOOKMARK', object: { kind: 'Service', apiVersion: 'v1', metadata } })}\n`,
    '/services',
  );
  server.write('{"type":"BOOKMARK","object":{}}\n', '/services');
  server.set(serviceObject('other', '10.96.0.2'));
  await untilServices(seen, 'other web');
  assert.deepEqual(seen.problems, []);
});

const head = '{"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":"7"},';
const lists: readonly (readonly [name: string, text: string, services: string, code: string])[] = [
  ['no items, as Go writes it', `${head}"items":null}`, '', ''],
  ['the version after the items', `{"items":[${JSON.stringify(web)}],"metadata":{"resourceVersion":"7"}}`, 'web', ''],
  [
    'items that are none',
    `${head}"items":[7,null,{"metadata":{}},${JSON.stringify(web)}]}`,
    'web',
    'KUBERNETES_GARBAGE',
  ],
  ['items of an empty kind', `${head}"items":[${JSON.stringify({ ...web, kind: '', apiVersion: '' })}]}`, 'web', ''],
  ['not to its end', `${head}"items":[${JSON.stringify(web)}`, '', 'KUBERNETES_UNREACHABLE'],
  ['no version', `{"kind":"ServiceList","items":[${JSON.stringify(web)}]}`, 'web', ''],
  ['no version, and no items', `{"kind":"ServiceList","apiVersion":"v1","metadata":{},"items":[]}`, '', ''],
  ['no version, of another kind', `{"kind":"PodList","items":[]}`, '', 'KUBERNETES_UNREACHABLE'],
  ['neither version nor kind', `{"items":[]}`, '', 'KUBERNETES_UNREACHABLE'],
  ['a page for people', '<html>[{"items":[]}]</html>', '', 'KUBERNETES_UNREACHABLE'],
];
for (const [name, text, services, code] of lists) {
  test(`a list: ${name}`, async (t) => {
    const server = await startServer(t);
    server.texts.set('/api/v1/services', text);
    const { seen } = await startFeed(t, server);
    assert.equal(seen.states.length, code === 'KUBERNETES_UNREACHABLE' ? 0 : 1);
    if (seen.states.length > 0) assert.equal(seen.names.join(' '), services);
    assert.deepEqual([...new Set(seen.codes)], code === '' ? [] : [code]);
  });
}

test('a list without a version is followed, and made anew if its watch told none either', async (t) => {
  const server = await startServer(t);
  server.texts.set('/api/v1/services', `{"kind":"ServiceList","items":[${JSON.stringify(web)}]}`);
  const { seen } = await startFeed(t, server);
  await until(() => server.watches === 2, 'both are watched');
  server.cutWatches('end');
  await until(() => server.lists('/services') === 2, 'it is listed anew');
  await until(() => server.watches === 2, 'both are watched again');
  server.set(serviceObject('other', '10.96.0.2'));
  await untilServices(seen, 'other web');
  server.cutWatches('end');
  await until(() => server.watches === 2, 'both are watched again');
  server.set(serviceObject('third', '10.96.0.3'));
  await untilServices(seen, 'other third web');
  assert.equal(server.lists('/services'), 2);
  assert.deepEqual(seen.codes, []);
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
  await until(() => server.lists('/services') === 1, 'the first page is asked for');
  server.set(serviceObject('s9', '10.96.0.9'));
  server.compact();
  await started;
  await until(() => seen.names.length === 6, 'all are there');
});

test('a list whose pages expire each time comes in one piece', async (t) => {
  const server = await startServer(t, { pageItems: 2, pagesExpire: true });
  for (let index = 0; index < 5; index += 1) server.set(serviceObject(`s${index}`, `10.96.0.${index + 1}`));
  const { seen } = await startFeed(t, server);
  assert.equal(seen.names.length, 5);
  assert.deepEqual(seen.codes, []);
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
  const pauses = await pausesBetween(() => server.asked('/services'), clock, 5);
  assert.ok((pauses[4] ?? 0) > 4 * (pauses[0] ?? 0), `pauses: ${pauses}`);
});

const expired = JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410 } });
const event = JSON.stringify({ type: 'MODIFIED', object: { ...web, metadata: { name: 'web', uid: 'uid-1' } } });
const poorWatches: readonly (readonly [name: string, text: string, kinds?: Set<string>])[] = [
  ['that say 410 each time', `${expired}\n`],
  ['that say 410 after a change each time', `${event}\n${expired}\n`],
  ['that are a page for people', '<html>\n</html>\n'],
  ['of Endpoints that end at once, which are listed anew for EndpointSlices', '', new Set(['Service', 'Endpoints'])],
];
for (const [name, text, kinds] of poorWatches) {
  test(`the pauses grow before lists for watches ${name}`, async (t) => {
    const server = await startServer(t, { ...(kinds && { kinds }) });
    const path = kinds === undefined ? '/api/v1/services' : '/api/v1/endpoints';
    server.set(web);
    server.watchTexts.set(path, text);
    const clock = new FakeClock();
    const feed = new KubeFeed({ name: 'kubernetes', clock, access: new OpenAccess(server) });
    t.after(() => feed.close());
    await feed.start(new Recorder());
    const pauses = await pausesBetween(() => server.asked(path, 'watch='), clock, 7);
    assert.ok((pauses[6] ?? 0) > 2_000, `pauses: ${pauses}`);
  });
}

/** Milliseconds before each of the next `most` times that `count` grows. */
async function pausesBetween(count: () => number, clock: FakeClock, most: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let known = count(); times.length < most; ) {
    clock.advance(10);
    await new Promise((resolve) => setImmediate(resolve));
    if (count() === known) continue;
    known = count();
    times.push(clock.now());
  }
  return times.map((time, index) => time - (times[index - 1] ?? 0));
}

test('a connection that died without a word is given up after three minutes of silence', async (t) => {
  const server = await startServer(t);
  server.set(web, webSlice('10.0.0.1'));
  const { clock, seen, feed } = await watchedFeed(t, server);
  clock.advance(120_000);
  server.bookmark();
  await until(() => feed.staleMs() === 0, 'a bookmark came');
  clock.advance(179_999);
  assert.equal(server.asked('watch='), 2);
  clock.advance(1);
  await until(() => server.asked('watch=') === 4 && server.watches === 2, 'both are watched anew');
  assert.equal(server.lists(), 4, 'after another list');
  assert.deepEqual(seen.problems, [], 'and nothing is wrong');
});
