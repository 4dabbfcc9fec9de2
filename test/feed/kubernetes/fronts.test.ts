import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { serviceObject, sliceObject } from '../../support/api-objects.ts';
import type { ApiServerInit } from '../../support/api-server.ts';
import { Front, type FrontInit } from '../../support/front.ts';
import { until } from '../../support/until.ts';
import { endpointsOf, startFeed, startServer, untilEndpoints } from './support.ts';

/** What stands between sluice and an API server must not be noticed. */
async function behind(t: TestContext, init: Omit<FrontInit, 'url'>, serverInit?: ApiServerInit) {
  const server = await startServer(t, serverInit);
  for (let index = 0; index < 9; index += 1) server.set(serviceObject(`s${index}`, `10.96.0.${index + 1}`));
  server.set(serviceObject('web', '10.96.1.1'), sliceObject('web', ['10.0.0.1']));
  const front = new Front({ url: server.url, ...init });
  const url = await front.listen();
  t.after(() => front.close());
  const access = { connection: async () => ({ server: url, options: {} }), renew: () => {} };
  const { feed, seen } = await startFeed(t, server, { access });
  return { server, front, feed, seen };
}

const fronts: readonly {
  readonly name: string;
  readonly init: Omit<FrontInit, 'url'>;
  readonly server?: ApiServerInit;
}[] = [
  { name: 'the server is at a path', init: { base: '/k8s/clusters/one' } },
  { name: 'the server has moved to another path', init: { movedTo: '/new' } },
  { name: 'lists are compressed for who asks', init: { gzip: 'asked' } },
  { name: 'everything is compressed, asked for or not', init: { gzip: 'all' } },
  { name: 'bytes come one by one', init: { pieceBytes: 1 } },
  { name: 'compressed bytes come one by one', init: { gzip: 'all', pieceBytes: 1 } },
  { name: 'kept connections are closed just as they are used', init: { oneAnswer: true }, server: { pageItems: 2 } },
  { name: 'versions are no numbers', init: {}, server: { versionPrefix: 'etcd-7/' } },
];
for (const { name, init, server: serverInit } of fronts) {
  test(name, async (t) => {
    const { server, seen } = await behind(t, init, serverInit);
    assert.equal(seen.names.length, 10);
    await until(() => server.watches === 2, 'both are watched');
    for (const address of ['10.0.0.2', '10.0.0.3']) {
      server.set(sliceObject('web', [address]));
      await untilEndpoints(seen, address);
    }
    server.cutWatches('end');
    server.set(serviceObject('late', '10.96.1.2'));
    await until(() => seen.names.includes('late'), 'it goes on');
    assert.deepEqual(seen.codes, [], 'and nothing was ever wrong');
  });
}

test('to another server the credentials do not go', async (t) => {
  const other = await startServer(t);
  const { seen } = await behind(t, { movedTo: other.url });
  assert.match(seen.problems[0]?.message ?? '', /HTTP 307/);
  assert.equal(other.requests.length, 0);
});

test('it asks for compressed lists, and for watches as they are', async (t) => {
  const { front, server } = await behind(t, { gzip: 'asked' });
  await until(() => server.watches === 2, 'both are watched');
  assert.equal(front.zipped.length, 2);
  assert.ok(front.zipped.every((path) => path.includes('limit=')));
});

test('kept connections were closed, and the test was one', async (t) => {
  const { front } = await behind(t, { oneAnswer: true }, { pageItems: 2 });
  assert.ok(front.closed > 0);
});

test('a compressed list that is cut off is a failure, and no list', async (t) => {
  const { server, feed, seen } = await behind(t, { gzip: 'all' });
  server.slowPieces = 2;
  server.slowMs = 3_600_000;
  const reloaded = feed.reload();
  await until(() => server.lists() === 4, 'it lists');
  await server.close();
  server.slowMs = 0;
  await reloaded;
  await until(() => seen.codes.includes('KUBERNETES_UNREACHABLE'), 'it is reported');
  assert.equal(seen.names.length, 10);
  assert.equal(endpointsOf(seen), '10.0.0.1');
  await server.listen();
  server.set(serviceObject('late', '10.96.1.2'));
  await until(() => seen.names.length === 11, 'it is read again');
});
