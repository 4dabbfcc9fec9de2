import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/until.ts';
import { replaceFile, serviceText, sliceText, startFeed, temporaryFolder } from './support.ts';

test('a folder: manifests of all its files, no others', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'b.yaml'), `${serviceText('b')}---\n${sliceText('b-1', 'b')}`);
  writeFileSync(
    join(folder, 'a.json'),
    JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: { clusterIP: '10.96.0.2' } }),
  );
  writeFileSync(join(folder, 'c.yml'), `# only a comment\n---\n${serviceText('c', '10.96.0.3')}`);
  writeFileSync(join(folder, '.hidden.yaml'), serviceText('hidden'));
  writeFileSync(join(folder, 'notes.txt'), 'not: [yaml');
  mkdirSync(join(folder, 'deeper'));
  writeFileSync(join(folder, 'deeper', 'd.yaml'), serviceText('d'));
  const { seen } = await startFeed(t, folder);
  assert.deepEqual(seen.names, ['a', 'b', 'c']);
  assert.deepEqual(
    seen.last.slices.map(({ name }) => name),
    ['default/b-1'],
  );
  assert.deepEqual(seen.problems, []);
});

test('a changed file changes its objects only', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'a.yaml'), serviceText('a'));
  writeFileSync(join(folder, 'b.yaml'), `${serviceText('b')}---\n${sliceText('b-1', 'b')}`);
  const { seen } = await startFeed(t, folder);
  const before = seen.last;
  replaceFile(join(folder, 'b.yaml'), `# new comment\n${serviceText('b', '10.96.0.9')}---\n${sliceText('b-1', 'b')}`);
  await until(() => seen.vipOf('b') === '10.96.0.9', 'the new VIP arrives');
  assert.equal(seen.last.services[0], before.services[0]);
  assert.equal(seen.last.slices[0], before.slices[0]);
});

test('equal objects in other words are no news', async (t) => {
  const file = join(temporaryFolder(t), 'all.yaml');
  writeFileSync(file, serviceText('a'));
  const { feed, seen } = await startFeed(t, file);
  writeFileSync(file, `# a comment\n${serviceText('a')}\n---\n`);
  await feed.reload();
  assert.equal(seen.states.length, 1);
});

test('files come and go', async (t) => {
  const folder = temporaryFolder(t);
  const { seen } = await startFeed(t, folder);
  assert.deepEqual(seen.states, [{ services: [], slices: [] }]);
  writeFileSync(join(folder, 'a.yaml'), serviceText('a'));
  await until(() => seen.names.join() === 'a', 'the new file is read');
  renameSync(join(folder, 'a.yaml'), join(folder, 'b.yaml'));
  writeFileSync(join(folder, 'c.yaml'), serviceText('c', '10.96.0.3'));
  await until(() => seen.names.join() === 'a,c', 'the renamed file is read');
  unlinkSync(join(folder, 'b.yaml'));
  await until(() => seen.names.join() === 'c', 'the deleted file takes its objects along');
  assert.deepEqual(seen.problems, []);
});

const broken: readonly [string, string | Buffer, string][] = [
  ['a syntax error', `${serviceText('a')}---\nkind: [`, 'MANIFEST_SYNTAX'],
  ['nothing in it', '', 'FILE_EMPTY'],
  ['half of it written', serviceText('a').slice(0, 45), 'MANIFEST_SYNTAX'],
  ['NUL bytes', Buffer.alloc(100), 'FILE_ENCODING'],
  ['no UTF-8', Buffer.from([0xff, 0xfe, 0x00]), 'FILE_ENCODING'],
  ['no Kubernetes object in it', 'hello: world\n', 'MANIFEST_INVALID'],
];
for (const [name, content, code] of broken) {
  for (const kind of ['file', 'folder']) {
    test(`a ${kind} with ${name} keeps what it had, says so, and recovers`, async (t) => {
      const folder = temporaryFolder(t);
      const file = join(folder, 'a.yaml');
      writeFileSync(file, serviceText('a'));
      const { feed, seen } = await startFeed(t, kind === 'file' ? file : folder);
      writeFileSync(file, content);
      await feed.reload();
      assert.deepEqual(seen.codes, [code]);
      assert.equal(seen.problems[0]?.position?.file, file);
      // Text that is right but holds another object has taken the first one away, and rightly so.
      if (code !== 'MANIFEST_INVALID') assert.deepEqual([seen.states.length, seen.names], [1, ['a']]);
      replaceFile(file, serviceText('a', '10.96.0.7'));
      await until(() => seen.vipOf('a') === '10.96.0.7' && seen.problems.length === 0, 'it recovers');
    });
  }
}

test('half a file that parses is not believed at once', async (t) => {
  const file = join(temporaryFolder(t), 'a.yaml');
  writeFileSync(file, serviceText('a'));
  const clock = new FakeClock();
  const { seen } = await startFeed(t, file, clock);
  writeFileSync(file, serviceText('a').slice(0, 70));
  const look = async (condition: () => boolean) =>
    until(() => {
      clock.advance(100);
      return condition();
    }, 'the change is seen');
  await look(() => seen.codes.join() === 'FILE_UNFINISHED');
  assert.deepEqual([seen.states.length, seen.names], [1, ['a']]);
  writeFileSync(file, serviceText('a', '10.96.0.2'));
  await look(() => seen.vipOf('a') === '10.96.0.2' && seen.problems.length === 0);
  writeFileSync(file, serviceText('a', '10.96.0.3').trimEnd());
  await look(() => seen.codes.join() === 'FILE_UNFINISHED');
  await look(() => seen.vipOf('a') === '10.96.0.3' && seen.problems.length === 0);
});

test('a wrong object stays as it was, the rest applies', async (t) => {
  const file = join(temporaryFolder(t), 'all.yaml');
  writeFileSync(file, `${serviceText('a')}---\n${serviceText('b', '10.96.0.2')}`);
  const { feed, seen } = await startFeed(t, file);
  const before = seen.last;
  writeFileSync(file, `${serviceText('a').replace('80', '99999')}---\n${serviceText('b', '10.96.0.3')}`);
  await feed.reload();
  assert.equal(seen.last.services[0], before.services[0]);
  assert.equal(seen.vipOf('b'), '10.96.0.3');
  const [problem] = seen.problems;
  assert.equal(problem?.path, 'spec.ports[0].port');
  assert.deepEqual(problem?.position, { file, line: 6, column: 13 });
  assert.match(problem?.message ?? '', /^Service default\/a is skipped: 99999 is not a port/);
  await feed.reload();
  assert.equal(seen.last.services[0], before.services[0], 'and stays, however often it is read');
});

test('a wrong object that was never right is left out, and its place is told wherever it moves', async (t) => {
  const file = join(temporaryFolder(t), 'all.yaml');
  const wrong = serviceText('bad').replace('80', 'x');
  writeFileSync(file, `${serviceText('a')}---\n${wrong}`);
  const { feed, seen } = await startFeed(t, file);
  assert.deepEqual(seen.names, ['a']);
  assert.equal(seen.problems[0]?.position?.line, 13);
  writeFileSync(file, `# one\n# two\n${serviceText('a')}---\n${wrong}`);
  await feed.reload();
  assert.equal(seen.problems[0]?.position?.line, 15);
});

test('of two objects with one name the first file has it', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'a.yaml'), serviceText('web', '10.96.0.1'));
  writeFileSync(join(folder, 'b.yaml'), `# copy\n\n${serviceText('web', '10.96.0.2')}`);
  const list = `apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: { name: web }\n  spec: { clusterIP: 10.96.0.3 }\n`;
  writeFileSync(join(folder, 'c.yaml'), list);
  const { seen } = await startFeed(t, folder);
  assert.equal(seen.vipOf('web'), '10.96.0.1');
  assert.deepEqual(seen.codes, ['MANIFEST_DUPLICATE', 'MANIFEST_DUPLICATE']);
  assert.deepEqual(
    seen.problems.map(({ position }) => position?.line),
    [3, 4],
  );
  assert.match(seen.problems[0]?.message ?? '', /Service default\/web is skipped: it is in .*a\.yaml already/);
  unlinkSync(join(folder, 'a.yaml'));
  await until(() => seen.vipOf('web') === '10.96.0.2', 'the second takes over');
});

test('a service with slices has no use for its Endpoints', async (t) => {
  const file = join(temporaryFolder(t), 'all.yaml');
  const endpoints = (name: string) =>
    `apiVersion: v1\nkind: Endpoints\nmetadata: { name: ${name} }\nsubsets: [{ addresses: [{ ip: 10.0.0.9 }], ports: [{ port: 1 }] }]\n`;
  writeFileSync(file, [endpoints('a'), endpoints('b'), sliceText('a-1', 'a')].join('---\n'));
  const { seen } = await startFeed(t, file);
  assert.deepEqual(
    seen.last.slices.map(({ name }) => name),
    ['default/a-1', 'default/b#0/IPv4'],
  );
});

test('a file that is gone keeps all it had, and so does a folder', async (t) => {
  const folder = join(temporaryFolder(t), 'services');
  mkdirSync(folder);
  const file = join(folder, 'a.yaml');
  writeFileSync(file, serviceText('a'));
  const one = await startFeed(t, file);
  const all = await startFeed(t, folder);
  rmSync(folder, { recursive: true });
  await Promise.all([one.feed.reload(), all.feed.reload()]);
  for (const { seen } of [one, all]) {
    await until(() => seen.codes.join() === 'FILE_UNREADABLE', 'it is reported');
  }
  assert.deepEqual(one.seen.names, ['a']);
  mkdirSync(folder);
  writeFileSync(file, serviceText('a', '10.96.0.8'));
  for (const { seen } of [one, all]) await until(() => seen.vipOf('a') === '10.96.0.8', 'the new folder is followed');
});

test('a path that is missing at the start is no state at all', async (t) => {
  const folder = join(temporaryFolder(t), 'later');
  const { seen } = await startFeed(t, folder);
  assert.deepEqual([seen.states.length, seen.codes], [0, ['FILE_UNREADABLE']]);
  mkdirSync(folder);
  await until(() => seen.states.length === 1 && seen.problems.length === 0, 'it is followed from when it is there');
});

test('a single file that is wrong at the start is no state at all', async (t) => {
  const file = join(temporaryFolder(t), 'a.yaml');
  writeFileSync(file, 'kind: [');
  const { seen } = await startFeed(t, file);
  assert.deepEqual([seen.states.length, seen.codes], [0, ['MANIFEST_SYNTAX']]);
});

test('a folder in the place of a file keeps what the file had', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'a.yaml');
  writeFileSync(file, serviceText('a'));
  const { feed, seen } = await startFeed(t, folder);
  unlinkSync(file);
  mkdirSync(file);
  await feed.reload();
  await until(() => seen.codes.join() === 'FILE_UNREADABLE', 'it is reported');
});

test('a ConfigMap swaps its link', async (t) => {
  const folder = temporaryFolder(t);
  const version = (name: string, vip: string) => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'a.yaml'), serviceText('a', vip));
    symlinkSync(name, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  version('..2026_01', '10.96.0.1');
  symlinkSync(join('..data', 'a.yaml'), join(folder, 'a.yaml'));
  const all = await startFeed(t, folder);
  const one = await startFeed(t, join(folder, 'a.yaml'));
  assert.deepEqual(all.seen.names, ['a']);
  version('..2026_02', '10.96.0.2');
  rmSync(join(folder, '..2026_01'), { recursive: true });
  for (const { seen } of [one, all]) await until(() => seen.vipOf('a') === '10.96.0.2', 'the swap is seen');
});

test('what inotify does not tell, the poll finds', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'a.yaml'), serviceText('a'));
  const clock = new FakeClock();
  const { seen } = await startFeed(t, folder, clock);
  replaceFile(join(folder, 'a.yaml'), serviceText('a', '10.96.0.2'));
  await until(() => {
    clock.advance(5_000);
    return seen.vipOf('a') === '10.96.0.2';
  }, 'the poll finds it');
});

test('looks that come together are one, and each caller waits for its own', async (t) => {
  const folder = temporaryFolder(t);
  const { feed, seen } = await startFeed(t, folder);
  writeFileSync(join(folder, 'a.yaml'), serviceText('a'));
  await Promise.all([feed.reload(), feed.reload(), feed.reload()]);
  assert.deepEqual(seen.names, ['a']);
  await feed.close();
  writeFileSync(join(folder, 'b.yaml'), serviceText('b'));
  await feed.reload();
  assert.deepEqual(seen.names, ['a'], 'a closed feed is silent');
});

test('a thousand versions leave no trace of the old ones', async (t) => {
  const file = join(temporaryFolder(t), 'all.yaml');
  const documents = Array.from({ length: 50 }, (_, index) => serviceText(`s${index}`, `10.96.1.${index + 1}`));
  writeFileSync(file, documents.join('---\n'));
  const { feed, seen } = await startFeed(t, file, new FakeClock());
  for (let round = 0; round < 50; round += 1) {
    const before = seen.last;
    documents[round] = serviceText(`s${round}`, `10.96.2.${round + 1}`);
    writeFileSync(file, documents.join('---\n'));
    await feed.reload();
    const kept = seen.last.services.filter((service, index) => service === before.services[index]);
    assert.equal(kept.length, 49);
  }
});
