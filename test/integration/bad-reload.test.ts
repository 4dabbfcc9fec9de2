import assert from 'node:assert/strict';
import { mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, askTimes } from '../support/pods.ts';
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

interface Fault {
  /** Puts the fault in the place of the configuration file. */
  readonly put: (program: Program) => Promise<void>;
  readonly code: string;
  readonly line: number;
  readonly cause: RegExp;
}

const good = configOf([{ backends: [a, b] }]);
const file = (program: Program) => join(program.folder, 'sluice.yaml');

const faults: Record<string, Fault> = {
  'invalid: no YAML': {
    put: (program) => writeInPlace(program, 'services: [}'),
    code: 'CONFIG_SYNTAX',
    line: 2,
    cause: /./,
  },
  'invalid: an unknown key': {
    put: (program) => writeInPlace(program, 'log: { level: info }\nservicess: []'),
    code: 'CONFIG_UNKNOWN_KEY',
    line: 3,
    cause: /servicess.*services/,
  },
  'invalid: a wrong value': {
    put: (program) => writeInPlace(program, 'tcp:\n  connectTimeout: soon'),
    code: 'CONFIG_VALUE',
    line: 3,
    cause: /./,
  },
  empty: { put: (program) => writeFile(file(program), ''), code: 'FILE_EMPTY', line: 1, cause: /empty/ },
  'half-written': {
    put: async (program) => {
      const text = wholeText(program, good);
      await writeFile(file(program), text.slice(0, text.indexOf(b) + 3));
    },
    code: 'CONFIG_SYNTAX',
    line: 2,
    cause: /./,
  },
  huge: {
    put: async (program) => {
      await writeFile(`${file(program)}.new`, '#');
      await truncate(`${file(program)}.new`, 65 * 1024 ** 2);
      await rename(`${file(program)}.new`, file(program));
    },
    code: 'FILE_TOO_LARGE',
    line: 1,
    cause: /68157440 bytes/,
  },
  'a directory': {
    put: async (program) => {
      await rm(file(program));
      await mkdir(file(program));
    },
    code: 'FILE_UNREADABLE',
    line: 1,
    cause: /directory/,
  },
};

for (const [name, { put, code, line, cause }] of Object.entries(faults)) {
  test(`a configuration that is ${name}: the last good one serves, and the fault is told`, async (t) => {
    const program = await startWithPods(t, [{ backends: [a, b] }]);
    await put(program);
    const logged = await program.line((each) => each.level === 'error' && each.code === code, `an error ${code}`);
    assert.deepEqual([logged.file, logged.line], [file(program), line]);
    assert.ok(Number(logged.column) >= 1);
    assert.match(logged.msg, cause);
    assert.ok(logged.msg.startsWith(`${file(program)}:${line}:`), logged.msg);
    const { status, feeds } = await program.ready();
    assert.equal(status, 'degraded');
    assert.equal(feeds.flatMap(({ problems }) => problems)[0]?.code, code);
    assert.ok((await reloads(program, 'config', 'failed')) >= 1);
    assert.deepEqual((await askTimes(2, vip)).sort(), [a, b]);

    await rm(file(program), { recursive: true });
    await writeInPlace(program, configOf([{ backends: [c] }]));
    await untilPods(program, [c]);
    await until(async () => (await program.ready()).status === 'ready', 'all is well again');
    await program.line(({ msg }) => msg.startsWith('solved: '), 'that it is solved');
    assert.equal(await ask(vip), c);
  });
}

test('a reload is applied whole or not at all', async (t) => {
  const program = await startWithPods(t, [{ backends: [a] }]);
  await writeInPlace(program, `${configOf([{ backends: [c] }])}\ndrainTimeout: never`);
  await program.line(({ level }) => level === 'error', 'what is wrong');
  await program.line(({ msg }) => msg.endsWith('the one before stays in effect'), 'what goes on');
  assert.deepEqual(await askTimes(2, vip), [a, a]);
});

test('one bad object in a folder is skipped and named; the rest applies', async (t) => {
  const bad = `---\napiVersion: v1\nkind: Service\nmetadata: { name: bad }\nspec: { clusterIP: nowhere, ports: [{ port: 80 }] }\n`;
  const program = await startProgram(t, {
    config: 'feeds: [{ file: { path: ./manifests } }]',
    files: { 'manifests/web.yaml': manifestsOf([a]) },
  });
  await program.write('manifests/web.yaml', `${manifestsOf([a, b])}${bad}`);
  await untilPods(program, [a, b]);
  const line = await program.line(({ level }) => level === 'error', 'which object is bad');
  assert.match(line.msg, /web\.yaml:16:\d+: .*nowhere/);
  assert.equal(line.file, join(program.folder, 'manifests/web.yaml'));
  const { status, feeds } = await program.ready();
  assert.equal(status, 'degraded');
  assert.equal(feeds.find(({ name }) => name === 'file')?.problems.length, 1);
  await until(async () => (await reloads(program, 'file', 'failed')) === 1, 'the failure is counted');
});

test('garbage in one file of a folder leaves the services of the others, and its own last good ones', async (t) => {
  const program = await startProgram(t, {
    config: 'feeds: [{ file: { path: ./manifests } }]',
    files: {
      'manifests/web.yaml': manifestsOf([a]),
      'manifests/other.yaml': manifestsOf([b], { name: 'other', at: c }),
    },
  });
  for (const garbage of ['{', '', '\0\0\0', 'kind: [', Buffer.from([0xff, 0xfe]).toString('latin1')]) {
    await program.write('manifests/other.yaml', garbage);
    await until(async () => (await program.ready()).status === 'degraded', `${JSON.stringify(garbage)} is told`);
    await program.write('manifests/web.yaml', manifestsOf([a, b]));
    await untilPods(program, [a, b]);
    await untilPods(program, [b], 'other');
    await program.write('manifests/other.yaml', manifestsOf([b], { name: 'other', at: c }));
    await program.write('manifests/web.yaml', manifestsOf([a]));
    await until(async () => (await program.ready()).status === 'ready', 'all is well again');
    await untilPods(program, [a]);
  }
});

test('a configuration that is wrong at the start ends the program with what is wrong', async (t) => {
  const program = await startProgram(t, { config: 'servicess: []', waitForReady: false });
  const exit = await program.exited();
  assert.equal(exit.code, 1);
  assert.match(program.errors, /sluice\.yaml:2:1: servicess: .*services.*\[CONFIG_UNKNOWN_KEY\]/);
});
