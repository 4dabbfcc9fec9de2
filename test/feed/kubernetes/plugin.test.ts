import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { askForCredentials } from '../../../src/feed/kubernetes/credentials.ts';
import type { KubeconfigAccess, KubeconfigInit } from '../../../src/feed/kubernetes/kubeconfig.ts';
import { serviceObject } from '../../support/api-objects.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/until.ts';
import { temporaryFolder } from '../file/support.ts';
import { accessTo, kubeconfig, works, write } from './kubeconfigs.ts';
import { startServer, untilServices } from './support.ts';

const apiVersion = 'client.authentication.k8s.io/v1';

/** A credential plugin, a shell script; `$folder` is its folder, where it may leave something. */
function plugin(t: TestContext, script: string) {
  const folder = temporaryFolder(t);
  const command = join(folder, 'plugin');
  const write = (text: string) => writeFileSync(command, `#!/bin/sh\nfolder=${folder}\n${text}\n`);
  write(script);
  chmodSync(command, 0o755);
  const left = (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : '');
  return { exec: { apiVersion, command, interactiveMode: 'Never' }, write, left };
}

function say(token: string): string {
  const status = { token, expirationTimestamp: '2099-01-01T00:00:00Z' };
  return `echo '${JSON.stringify({ apiVersion, kind: 'ExecCredential', status })}'`;
}

function accessWith(t: TestContext, exec: object, server = 'https://127.0.0.1:1', init: Partial<KubeconfigInit> = {}) {
  return accessTo(write(t, kubeconfig({ server, user: { exec } })), init);
}

const tokenOf = async (access: KubeconfigAccess) => (await access.connection()).options.headers;

test('a plugin is asked again when the server refuses what it said', async (t) => {
  const server = await startServer(t, { tokens: new Set(['one']) });
  const { exec, write: rewrite } = plugin(t, say('one'));
  const { seen } = await works(t, server, accessWith(t, exec, server.url));
  server.tokens?.clear();
  server.tokens?.add('two');
  server.cutWatches();
  await until(() => seen.codes.includes('KUBERNETES_UNAUTHORIZED'), 'it is refused');
  rewrite(say('two'));
  server.set(serviceObject('other', '10.96.0.2'));
  await untilServices(seen, 'other web');
});

test('a plugin is asked once a minute at most, by all who ask together, and at once when it is refused', async (t) => {
  const { exec, left } = plugin(t, `echo run >> $folder/runs\n${say('one')}`);
  const clock = new FakeClock();
  const access = accessWith(t, exec, undefined, { clock });
  const runs = () => left('runs').split('\n').length - 1;
  const [first, second] = await Promise.all([access.connection(), access.connection()]);
  assert.deepEqual(first.options.headers, { Authorization: 'Bearer one' });
  assert.equal(first, second);
  clock.advance(59_999);
  await access.connection();
  access.renew(first, 'unreachable');
  await access.connection();
  assert.equal(runs(), 1);
  clock.advance(1);
  const third = await access.connection();
  assert.equal(runs(), 2);
  access.renew(first, 'refused');
  assert.equal(await access.connection(), third, 'another one was refused');
  access.renew(third, 'refused');
  await access.connection();
  assert.equal(runs(), 3);
});

test('certificates are not read again while they are accepted', async (t) => {
  const file = write(t, kubeconfig({ server: 'https://127.0.0.1:1', user: { token: 'one' } }));
  const clock = new FakeClock();
  const access = accessTo(file, { clock });
  const first = await access.connection();
  clock.advance(86_400_000);
  assert.equal(await access.connection(), first);
  access.renew(first, 'unreachable');
  assert.notEqual(await access.connection(), first, 'the server may have moved');
});

test('a plugin is told what client-go tells: KUBERNETES_EXEC_INFO, and what stands in the file', async (t) => {
  const { exec, left } = plugin(
    t,
    `echo "$KUBERNETES_EXEC_INFO" > $folder/info; echo "$1 $MINE" > $folder/rest\n${say('x')}`,
  );
  const more = { args: ['--region'], env: [{ name: 'MINE', value: 'here' }], provideClusterInfo: true };
  await accessWith(t, { ...exec, ...more }).connection();
  const info = JSON.parse(left('info')) as { apiVersion: string; spec: { interactive: boolean; cluster: object } };
  assert.equal(info.apiVersion, apiVersion);
  assert.deepEqual(info.spec, { interactive: false, cluster: { server: 'https://127.0.0.1:1' } });
  assert.equal(left('rest'), '--region here\n');
});

const failures: readonly (readonly [name: string, script: string, message: RegExp])[] = [
  ['with a word', 'echo "please log in" >&2; exit 1', /^the credential plugin .*plugin: please log in$/],
  ['without a word', 'exit 3', /plugin: it ended with an error$/],
  ['with garbage', 'echo hello', /plugin: .*JSON/s],
];
for (const [name, script, message] of failures) {
  test(`a plugin that fails ${name}`, async (t) => {
    await assert.rejects(accessWith(t, plugin(t, script).exec).connection(), { message });
  });
}

test('a plugin that is not there', async (t) => {
  await assert.rejects(accessWith(t, { command: 'no-such-plugin' }).connection(), /no-such-plugin: .*ENOENT/);
});

test('a plugin that does not answer in a minute is ended, with all that it has started', async (t) => {
  const { exec, write: rewrite, left } = plugin(t, 'echo $$ > $folder/pid; sleep 600');
  const clock = new FakeClock();
  const access = accessWith(t, exec, undefined, { clock, ask: askForCredentials });
  const asking = access.connection();
  await until(() => left('pid').endsWith('\n'), 'the plugin runs');
  const pid = Number(left('pid'));
  clock.advance(60_000);
  await assert.rejects(asking, /no credentials in 60 s/);
  await until(() => !existsSync(`/proc/${pid}`), 'the plugin is gone');
  rewrite(say('late'));
  // The process that is asked keeps nobody alive.
  let headers: unknown;
  void tokenOf(access).then((found) => {
    headers = found;
  });
  await until(() => headers !== undefined, 'it is asked again');
  assert.deepEqual(headers, { Authorization: 'Bearer late' });
});
