import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CacheFile } from '../../../src/feed/kubernetes/cache-file.ts';
import { serviceObject, sliceObject } from '../../support/api-objects.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { service, slice } from '../../support/model.ts';
import { until } from '../../support/until.ts';
import { temporaryFolder } from '../file/support.ts';
import { endpointsOf, startFeed, startServer, untilServices } from './support.ts';

const state = {
  services: [service('web', ['10.96.0.1']), service('dns', ['10.96.0.10', 'fd00::1'])],
  slices: [slice('web-x', 'web', ['10.0.0.1', '10.0.0.2'])],
  node: { place: { name: 'n1', zone: 'z' }, podCidrs: ['10.244.0.0/24'] },
};

test('what is written is read again, and nothing else is left in the folder', async (t) => {
  const folder = temporaryFolder(t);
  const clock = new FakeClock();
  const cache = new CacheFile(join(folder, 'cache'), clock);
  assert.deepEqual(await cache.read(), { kind: 'none' });
  await cache.write(state);
  assert.deepEqual(await cache.read(), { kind: 'ok', savedAt: clock.wallTime(), state });
  await cache.write({ services: [], slices: [] });
  assert.deepEqual((await cache.read()).kind, 'ok');
  assert.deepEqual(readdirSync(folder), ['cache']);
  assert.equal(statSync(join(folder, 'cache')).mode & 0o777, 0o600);
});

test('a file that is cut, foreign or of another format is of no use', async (t) => {
  const file = join(temporaryFolder(t), 'cache');
  const cache = new CacheFile(file, new FakeClock());
  await cache.write(state);
  const text = readFileSync(file, 'utf8');
  const cases = {
    'cut in a line': text.slice(0, -20),
    'cut after a line': `${text.split('\n').slice(0, 2).join('\n')}\n`,
    empty: '',
    'no JSON': 'hello\n',
    'another format': text.replace('cache 1', 'cache 999'),
  };
  for (const [name, damaged] of Object.entries(cases)) {
    writeFileSync(file, damaged);
    assert.equal((await cache.read()).kind, 'invalid', name);
  }
});

test('a start while the server is away serves what the cache has, and says how old it is', async (t) => {
  const cacheFile = join(temporaryFolder(t), 'cache');
  const server = await startServer(t);
  server.set(serviceObject('web', '10.96.0.1'), sliceObject('web', ['10.0.0.1']));
  const first = await startFeed(t, server, { cacheFile });
  await first.feed.close();
  await server.close();
  const { seen } = await startFeed(t, server, { cacheFile });
  assert.equal(endpointsOf(seen), '10.0.0.1');
  assert.ok(seen.codes.includes('KUBERNETES_STALE'));
  assert.match(seen.problems.map(({ message }) => message).join(), /as it was at 20\d\d-/);
  const [cached] = seen.last.services;
  server.set(serviceObject('other', '10.96.0.2'));
  await server.listen();
  await untilServices(seen, 'other web');
  assert.equal(
    seen.last.services.find(({ name }) => name === 'web'),
    cached,
    'the same object: nothing is touched',
  );
  await until(() => seen.problems.length === 0, 'it is no longer stale');
});

test('the cache follows the state, soon', async (t) => {
  const cacheFile = join(temporaryFolder(t), 'cache');
  const server = await startServer(t);
  const { seen } = await startFeed(t, server, { cacheFile });
  server.set(serviceObject('web', '10.96.0.1'));
  await untilServices(seen, 'web');
  await until(
    () => existsSync(cacheFile) && readFileSync(cacheFile, 'utf8').includes('10.96.0.1'),
    'it is in the file',
  );
});

test('a cache that cannot be read or written is reported, and the server’s word counts', async (t) => {
  const folder = temporaryFolder(t);
  const server = await startServer(t);
  server.set(serviceObject('web', '10.96.0.1'));
  const { seen } = await startFeed(t, server, { cacheFile: join(folder, 'missing', 'cache') });
  await until(() => seen.codes.includes('KUBERNETES_CACHE'), 'it is reported');
  assert.deepEqual(seen.names, ['web']);
  writeFileSync(join(folder, 'garbage'), 'garbage');
  await server.close();
  const other = await startFeed(t, server, { cacheFile: join(folder, 'garbage') });
  assert.equal(other.seen.states.length, 0);
  assert.ok(other.seen.codes.includes('KUBERNETES_CACHE'));
});
