import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { longTextLength } from '../../src/base/thread.ts';
import { serviceObject } from '../support/api-objects.ts';
import { ApiServer } from '../support/api-server.ts';
import { kubeconfigOf } from '../support/kubeconfig.ts';
import { nativeIsMissing } from '../support/native-addon.ts';
import { ask, httpPod, vipPort } from '../support/pods.ts';
import { type ProgramInit, startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { a, configOf, manifestsOf, vip } from './config.ts';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'sluice-package-test-'));
const executable = join(folder, 'sluice');
const [empty, temporary] = ['empty', 'temporary'].map((name) => join(folder, name)) as [string, string];
/** What runs it where nothing is: no folder, no environment, no Node.js on the PATH. */
const nowhere = ['env', '-i', '-C', empty, 'PATH=/nowhere', `TMPDIR=${temporary}`];

const isShared = Object.entries(process.config.variables).some(([name, is]) => name === 'node_shared' && is);
const skip = isShared && 'this Node.js is a shared library, and cannot be packaged';

/** The demo has addresses and ports of its own. */
const namespace = ['unshare', '--map-root-user', '--net'];
const noNamespace =
  spawnSync('unshare', [...namespace.slice(1), 'ip', 'link', 'set', 'lo', 'up']).status !== 0 &&
  'needs unshare and ip, and a kernel that lets this user make network namespaces';

/** Comments, of the length from which on a text is read by a thread. */
const padding = '# long\n'.repeat(longTextLength / 7 + 1);

/** Starts `sluice run` there. */
function start(t: TestContext, init: ProgramInit) {
  return startProgram(t, { prefix: nowhere, executable, ...init });
}

function sluice(...words: string[]): SpawnSyncReturns<string> {
  const [env = '', ...rest] = nowhere;
  return spawnSync(env, [...rest, executable, ...words], { encoding: 'utf8', timeout: 30_000 });
}

function outOf(...words: string[]): string {
  const { status, stdout, stderr } = sluice(...words);
  assert.deepEqual([status, stderr], [0, ''], words.join(' '));
  return stdout;
}

describe('sluice as one executable', { skip }, () => {
  before(() => {
    for (const each of [empty, temporary]) mkdirSync(each);
    const { NODE_V8_COVERAGE: _, ...env } = process.env;
    const made = spawnSync(process.execPath, [join(root, 'config/binary/build.mjs'), executable], {
      env,
      encoding: 'utf8',
    });
    assert.equal(made.status, 0, made.stderr);
    const native = nativeIsMissing() ? 'without' : 'with';
    assert.match(
      made.stdout,
      new RegExp(`^${executable}: sluice on Node.js ${process.version}, ${native} the native relay engine`),
    );
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const engine of ['net', 'native'] as const) {
    const why = engine === 'native' && nativeIsMissing();
    test(`it relays on the engine ${engine}, leaves no file, and ends with 0`, { skip: why }, async (t) => {
      await httpPod(t, a);
      const program = await start(t, { config: configOf([{ backends: [a] }], { engine }) });
      assert.equal(await program.engine(), engine);
      assert.equal(await ask(vip), a);
      assert.deepEqual(readdirSync(temporary), []);
      program.signal('SIGTERM');
      const { code } = await program.exited();
      assert.deepEqual([code, program.errors], [0, '']);
    });
  }

  test('it answers commands', async (t) => {
    const program = await start(t, { config: configOf([{ backends: [a] }]) });
    const admin = ['--admin', `unix:${join(program.folder, 'admin.sock')}`];
    assert.match(outOf('get', 'services', ...admin), /^NAME .*\nweb +ClusterIP /);
    assert.match(outOf('describe', 'service', 'web', ...admin), /^Name: +web\n/);
    assert.match(outOf('explain', '127.0.0.1', `${vip}:${vipPort}`, ...admin), new RegExp(a));
    assert.match(outOf('check', join(program.folder, 'sluice.yaml')), /default\/web/);
  });

  test('the licenses of what is inside are beside it', () => {
    const licenses = readFileSync(`${executable}.licenses.txt`, 'utf8');
    for (const name of ['Node.js v', '@kubernetes/client-node 1', 'pino 10', 'zod 4', 'yaml 2'])
      assert.match(licenses, new RegExp(`^${name}`, 'm'));
    assert.match(licenses, /^Permission is hereby granted/m);
  });

  test('it needs nothing for commands that need no sluice', () => {
    assert.equal(outOf('--version'), `${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version}\n`);
    assert.equal(outOf('schema'), readFileSync(join(root, 'config/schema.json'), 'utf8'));
    assert.match(outOf('cleanup', '--help'), /^Usage: sluice cleanup/);
    assert.match(sluice('doctor').stdout, nativeIsMissing() ? /^native engine +missing/m : /^native engine +there/m);
  });

  test('it has the configuration of the demo inside', { skip: noNamespace }, async (t) => {
    const words = [...namespace, 'sh', '-c', 'ip link set lo up && exec "$0" "$@"', ...nowhere, executable, 'demo'];
    const [command = '', ...rest] = words;
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    await until(() => / 4\. hello from /.test(out) || child.exitCode !== null, 'it has shown the turn');
    const [, file = ''] = /^sluice runs (\S+), /.exec(out) ?? [];
    assert.equal(readFileSync(file, 'utf8'), readFileSync(join(root, 'config/sluice.yaml'), 'utf8'));
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    assert.deepEqual(readdirSync(temporary), []);
  });

  test('it reads in threads what is long, a configuration or a document', async (t) => {
    await httpPod(t, a);
    const prefix = [...nowhere, `NODE_OPTIONS=--require=${join(import.meta.dirname, 'tell-threads.cjs')}`];
    const config = configOf([], { feeds: [{ file: { path: './web.yaml' } }] });
    const program = await start(t, { prefix, config, files: { 'web.yaml': manifestsOf([]) } });
    await program.configure(`${padding}${config}`);
    await until(() => program.errors !== '', 'a thread has read the configuration');
    await program.write('web.yaml', manifestsOf([a]).replace('---', `---\n${padding}`));
    await until(async () => (await ask(vip).catch(() => '')) === a, 'the manifests are applied');
    assert.match(program.errors, /^(thread: message\n){2,}$/);
  });

  test('it asks for credentials in a process of its own', async (t) => {
    const server = new ApiServer();
    await server.listen();
    t.after(() => server.close());
    server.set(serviceObject('web', vip, { port: vipPort }));
    const program = await start(t, {
      config: 'feeds: [{ kubernetes: { kubeconfig: kubeconfig } }]',
      files: { kubeconfig: kubeconfigOf(server.url) },
    });
    assert.equal((await program.ready()).status, 'ready');
  });
});
