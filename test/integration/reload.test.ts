import assert from 'node:assert/strict';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { address, ask, httpPod } from '../support/pods.ts';
import { type Program, startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import {
  a,
  b,
  c,
  configOf,
  manifestsOf,
  reloads,
  startWithPods,
  untilPods,
  vip,
  wholeText,
  writeInPlace,
} from './config.ts';

const one = configOf([{ backends: [a] }]);
const two = configOf([{ backends: [a, b] }]);

test('an edit in place is applied', async (t) => {
  const program = await startWithPods(t, [{ backends: [a] }]);
  await writeInPlace(program, two);
  await untilPods(program, [a, b]);
  await writeInPlace(program, one);
  await untilPods(program, [a]);
  assert.equal(await ask(vip), a);
});

test("an editor's rename over the file is applied, again and again", async (t) => {
  const program = await startWithPods(t, [{ backends: [a] }]);
  for (const pods of [[a, b], [b], [b, c]]) {
    await program.configure(configOf([{ backends: pods }]));
    await untilPods(program, pods);
  }
});

test('a file that is deleted and made again is applied', async (t) => {
  const program = await startWithPods(t, [{ backends: [a] }]);
  await rm(join(program.folder, 'sluice.yaml'));
  await until(async () => (await program.ready()).status === 'degraded', 'the missing file is told');
  assert.equal(await ask(vip), a);
  await writeInPlace(program, two);
  await untilPods(program, [a, b]);
  await until(async () => (await program.ready()).status === 'ready', 'all is well again');
});

/** Puts `text` behind `link` as the kubelet does: a new folder, and `..data` renamed to point to it. */
async function swapData(folder: string, version: string, name: string, text: string): Promise<void> {
  await mkdir(join(folder, version), { recursive: true });
  await writeFile(join(folder, version, name), text);
  await symlink(version, join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
}

test("the swap of a ConfigMap's links is applied to the configuration", async (t) => {
  const program = await startWithPods(t, [{ backends: [a] }]);
  await swapData(program.folder, '..v1', 'sluice.yaml', wholeText(program, two));
  await symlink('..data/sluice.yaml', join(program.folder, 'draft'));
  await rename(join(program.folder, 'draft'), join(program.folder, 'sluice.yaml'));
  await untilPods(program, [a, b]);
  for (const [version, pods] of [
    ['..v2', [b]],
    ['..v3', [b, c]],
  ] as const) {
    await swapData(program.folder, version, 'sluice.yaml', wholeText(program, configOf([{ backends: pods }])));
    await untilPods(program, pods);
  }
  assert.equal(await reloads(program, 'config', 'failed'), 0);
});

test("the swap of a ConfigMap's links is applied to a folder of manifests", async (t) => {
  await Promise.all([a, b].map((pod) => httpPod(t, pod)));
  const files = { 'manifests/..v1/web.yaml': manifestsOf([a]) };
  const config = 'feeds: [{ file: { path: ./manifests } }]';
  const program = await startProgram(t, { config, files });
  const folder = join(program.folder, 'manifests');
  await symlink('..v1', join(folder, '..data'));
  await symlink('..data/web.yaml', join(folder, 'web.yaml'));
  await untilPods(program, [a]);
  await swapData(folder, '..v2', 'web.yaml', manifestsOf([a, b]));
  await untilPods(program, [a, b]);
});

test('files that come to a folder, change and go are applied', async (t) => {
  const program = await startProgram(t, {
    config: 'feeds: [{ file: { path: ./manifests } }]',
    files: { 'manifests/web.yaml': manifestsOf([a]) },
  });
  const other = { name: 'other', at: address(2) };
  await program.write('manifests/other.yaml', manifestsOf([b], other));
  await untilPods(program, [b], 'other');
  await program.write('manifests/other.yaml', manifestsOf([b, c], other));
  await untilPods(program, [b, c], 'other');
  await rm(join(program.folder, 'manifests/other.yaml'));
  await until(async () => (await program.services()).servicePorts.length === 1, 'the service is gone');
  await untilPods(program, [a]);
});

test('SIGHUP reads everything again, changed or not', async (t) => {
  const program = await startProgram(t, {
    config: `${one}\nfeeds: [{ file: { path: ./manifests } }]`,
    files: { 'manifests/other.yaml': manifestsOf([b], { name: 'other', at: address(2) }) },
  });
  const before = await reloads(program, 'config', 'ok');
  const { version } = await program.services();
  program.signal('SIGHUP');
  await until(async () => (await reloads(program, 'config', 'ok')) > before, 'the configuration was read');
  await program.line(({ msg }) => msg.startsWith('SIGHUP'), 'that it was asked to');
  await program.line(({ msg }) => msg.endsWith('is in effect'), 'that it has done so');
  assert.equal((await program.services()).version, version, 'nothing has changed');
});

test('a setting that cannot change while running is named in the log', async (t) => {
  const program = await startWithPods(t, [{ backends: [a] }]);
  await program.configure(configOf([{ backends: [a] }], { tcp: { backlog: 100 } }));
  const line = await program.line(({ key }) => key === 'tcp.backlog', 'what needs a restart');
  assert.equal(line.level, 'warn');
});

test('the log level changes while running', async (t) => {
  const program = await startWithPods(t, [{ backends: [a] }]);
  await program.configure(configOf([{ backends: [a] }], { log: { level: 'debug' } }));
  await until(async () => {
    await ask(vip);
    return program.lines().some(({ level }) => level === 'debug');
  }, 'the log has debug lines');
});

test('a feed is added to the running program, and taken away', async (t) => {
  const program: Program = await startProgram(t, {
    config: one,
    files: { 'manifests/other.yaml': manifestsOf([b], { name: 'other', at: address(2) }) },
  });
  await program.configure(`${one}\nfeeds: [{ file: { path: ./manifests } }]`);
  await untilPods(program, [b], 'other');
  await program.configure(one);
  await until(async () => (await program.services()).servicePorts.length === 1, 'its service is gone');
});
