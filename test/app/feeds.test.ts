import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Feeds } from '../../src/app/feeds.ts';
import { systemClock } from '../../src/base/clock.ts';
import { InlineFeed } from '../../src/feed/inline.ts';
import { defaultSettings } from '../../src/model/settings.ts';
import { Table } from '../../src/table/table.ts';
import { service, slice } from '../support/model.ts';
import { until } from '../support/until.ts';

const manifest = (name: string, vip: string) => `apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { clusterIP: ${vip}, ports: [{ port: 80 }] }
`;

async function feeding(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-feeds-'));
  const reads: string[] = [];
  const table = new Table({ settings: defaultSettings, onSnapshot: () => {}, schedule: (task) => task() });
  const feeds = new Feeds({ table, clock: systemClock, onRead: (name, result) => reads.push(`${name} ${result}`) });
  t.after(() => feeds.close());
  t.after(() => rm(folder, { recursive: true, force: true }));
  table.open();
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return { kind: 'file', path: join(folder, name) } as const;
  };
  const vips = () => Array.from(table.snapshot.frontends.keys()).sort();
  const views = () => Array.from(feeds.views(), ({ name, synced, problems }) => `${name} ${synced} ${problems.length}`);
  return { feeds, reads, file, vips, views, folder };
}

test('feeds come, stay and go as the configuration names them', async (t) => {
  const { feeds, reads, file, vips, views } = await feeding(t);
  const one = await file('one.yaml', manifest('one', '10.96.0.1'));
  const two = await file('two.yaml', manifest('two', '10.96.0.2'));
  await feeds.sync([one, two]);
  assert.deepEqual(views(), ['file true 0', 'file-2 true 0']);
  assert.deepEqual(vips(), ['10.96.0.1:80/TCP', '10.96.0.2:80/TCP']);
  assert.deepEqual(reads.sort(), ['file ok', 'file-2 ok']);
  await feeds.sync([two, one]);
  assert.equal(reads.length, 2, 'equal feeds are left alone');
  await feeds.sync([two]);
  assert.deepEqual(views(), ['file-2 true 0']);
  assert.deepEqual(vips(), ['10.96.0.2:80/TCP']);
  await feeds.sync([two, one]);
  assert.deepEqual(views(), ['file-2 true 0', 'file true 0'], 'a name that is free is used again');
  assert.deepEqual(vips(), ['10.96.0.1:80/TCP', '10.96.0.2:80/TCP']);
});

test('what is closed while the configuration changes starts no feed any more', async (t) => {
  const { feeds, reads, file, views } = await feeding(t);
  const changing = feeds.sync([await file('one.yaml', manifest('one', '10.96.0.1'))]);
  await feeds.close();
  await changing;
  await feeds.sync([await file('two.yaml', manifest('two', '10.96.0.2'))]);
  assert.deepEqual(views(), []);
  assert.deepEqual(reads, []);
});

test('the feed of the configuration itself stays, and reports for it', async (t) => {
  const { feeds, reads, vips, views } = await feeding(t);
  const inline = new InlineFeed({ services: [service('web', ['10.96.0.7'])], slices: [slice('web', 'web', [])] });
  await feeds.add('inline', inline, 0);
  await feeds.sync([]);
  assert.deepEqual(vips(), ['10.96.0.7:80/TCP']);
  feeds.report('inline', [{ code: 'X', message: 'it is wrong' }]);
  assert.deepEqual(views(), ['inline true 1']);
  assert.deepEqual(vips(), ['10.96.0.7:80/TCP'], 'reporting touches nothing');
  feeds.report('inline', []);
  feeds.report('unknown', [{ code: 'X', message: 'it is wrong' }]);
  assert.deepEqual(views(), ['inline true 0']);
  assert.deepEqual(reads, ['inline ok', 'inline failed']);
});

test('a feed whose source is wrong keeps what it said, counts a failure and says why', async (t) => {
  const { feeds, reads, file, vips, views, folder } = await feeding(t);
  await feeds.sync([await file('one.yaml', manifest('one', '10.96.0.1'))]);
  await writeFile(join(folder, 'one.yaml'), 'kind: [');
  await feeds.reload();
  await until(() => reads.includes('file failed'), 'the failure is counted');
  assert.deepEqual(views(), ['file true 1']);
  assert.deepEqual(vips(), ['10.96.0.1:80/TCP']);
});

test('a feed without a source is not synced until there is one', async (t) => {
  const { feeds, file, vips, views, folder } = await feeding(t);
  await feeds.sync([{ kind: 'file', path: join(folder, 'later.yaml') }]);
  assert.deepEqual(views(), ['file false 1']);
  await file('later.yaml', manifest('later', '10.96.0.4'));
  await until(() => vips().length === 1, 'it was read');
  await until(() => views()[0] === 'file true 0', 'the problem is gone');
});
