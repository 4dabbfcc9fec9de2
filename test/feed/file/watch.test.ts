import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { systemClock } from '../../../src/base/clock.ts';
import { PathWatcher, stampOf } from '../../../src/feed/file/watch.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/until.ts';
import { replaceFile, temporaryFolder } from './support.ts';

async function watching(t: TestContext, path: string, clock = systemClock) {
  const told: (readonly string[] | 'anything')[] = [];
  const onChange = (names: ReadonlySet<string> | undefined) => told.push(names ? [...names].sort() : 'anything');
  const watcher = new PathWatcher({ path, clock, onChange });
  t.after(() => watcher.close());
  await watcher.start();
  return { watcher, told };
}

test('changes in a folder are told by name', async (t) => {
  const folder = temporaryFolder(t);
  const { told } = await watching(t, folder);
  writeFileSync(join(folder, 'a.yaml'), 'x');
  await until(() => told.flat().includes('a.yaml'), 'the file is named');
});

test('a burst is told once', async (t) => {
  const folder = temporaryFolder(t);
  const clock = new FakeClock();
  const { told } = await watching(t, folder, clock);
  for (let index = 0; index < 100; index += 1) writeFileSync(join(folder, `${index}.yaml`), 'x');
  // The poll's timer is the first; the burst's is the second.
  await until(() => clock.pending === 2, 'the burst is heard');
  await new Promise((done) => setImmediate(done));
  clock.advance(200);
  await until(() => told.length > 0, 'the burst is told');
  assert.equal(told.length, 1);
  assert.equal(told[0]?.length, 100);
});

test("a watched file's neighbours are nobody's concern", async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'a.yaml');
  writeFileSync(file, '1');
  const { told } = await watching(t, file);
  writeFileSync(join(folder, 'other'), 'x');
  replaceFile(file, '2');
  await until(() => told.length > 0, 'the change is told');
  assert.deepEqual(new Set(told), new Set(['anything']));
});

test('a file that is removed and made again is followed', async (t) => {
  const file = join(temporaryFolder(t), 'a.yaml');
  writeFileSync(file, '1');
  const { told } = await watching(t, file);
  rmSync(file);
  await until(() => told.length === 1, 'the removal is told');
  writeFileSync(file, '2');
  await until(() => told.length >= 2, 'the new file is told');
});

test('a folder that is swapped for another is followed', async (t) => {
  const parent = temporaryFolder(t);
  const folder = join(parent, 'services');
  mkdirSync(folder);
  const { told } = await watching(t, folder);
  mkdirSync(join(parent, 'next'));
  rmSync(folder, { recursive: true });
  renameSync(join(parent, 'next'), folder);
  await until(() => told.includes('anything'), 'the swap is told');
  await until(() => {
    writeFileSync(join(folder, 'b.yaml'), 'x');
    return told.flat().includes('b.yaml');
  }, 'changes in the new folder are told');
});

test('a path whose folder does not exist yet is found by the poll', async (t) => {
  const parent = join(temporaryFolder(t), 'later');
  const file = join(parent, 'a.yaml');
  const clock = new FakeClock();
  const { told } = await watching(t, file, clock);
  mkdirSync(parent);
  writeFileSync(file, 'x');
  await until(() => {
    clock.advance(5_000);
    return told.length > 0;
  }, 'the poll finds it');
});

test('an unchanged file is no news, however often it is polled', async (t) => {
  const file = join(temporaryFolder(t), 'a.yaml');
  writeFileSync(file, 'x');
  const clock = new FakeClock();
  const { told } = await watching(t, file, clock);
  for (let poll = 0; poll < 5; poll += 1) {
    await until(() => clock.pending === 1, 'the next poll is planned');
    clock.advance(5_000);
  }
  await until(() => clock.pending === 1, 'the last poll is done');
  assert.deepEqual(told, []);
});

test('a closed watcher is silent', async (t) => {
  const folder = temporaryFolder(t);
  const clock = new FakeClock();
  const { watcher, told } = await watching(t, folder, clock);
  watcher.close();
  assert.equal(clock.pending, 0);
  writeFileSync(join(folder, 'a.yaml'), 'x');
  clock.advance(60_000);
  assert.deepEqual(told, []);
});

test('stamps tell files apart', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'a');
  assert.equal(await stampOf(file), 'missing');
  writeFileSync(file, '1');
  const first = await stampOf(file);
  assert.equal(await stampOf(file), first);
  replaceFile(file, '2');
  assert.notEqual(await stampOf(file), first);
  assert.match(await stampOf(folder), /^folder:/);
  assert.equal(await stampOf(join(file, 'below')), 'missing');
});
