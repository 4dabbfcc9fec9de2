import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { selectContext } from '../../../src/feed/kubernetes/kubeconfig-file.ts';
import { temporaryFolder } from '../file/support.ts';

interface Parts {
  readonly current?: string;
  readonly server?: string;
  readonly cluster?: object;
  readonly user?: object;
}

/** One context, cluster and user, all of one name. */
function config(
  name: string,
  { current, server = `https://${name}:6443`, cluster = {}, user = {} }: Parts = {},
): string {
  return JSON.stringify({
    ...(current !== undefined && { 'current-context': current }),
    clusters: [{ name, cluster: { server, ...cluster } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  });
}

function write(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder(t);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

test('of several files, what two define the first has, and those that are missing count for nothing', async (t) => {
  const folder = write(t, {
    empty: '',
    first: config('a'),
    second: config('b', { current: 'b' }),
    third: config('b', { current: 'a', server: 'https://other' }),
  });
  const env = {
    KUBECONFIG: ['missing', 'empty', 'first', 'second', 'third'].map((name) => join(folder, name)).join(':'),
  };
  assert.equal((await selectContext({ env })).cluster.server, 'https://b:6443');
  assert.equal((await selectContext({ env, context: 'a' })).cluster.server, 'https://a:6443');
  await assert.rejects(selectContext({ env: { KUBECONFIG: '/nowhere/one:/nowhere/two' } }), /none of the files/);
});

test('without KUBECONFIG it is ~/.kube/config', async (t) => {
  const folder = write(t, { '.kube/config': config('home', { current: 'home' }) });
  assert.equal((await selectContext({ env: { HOME: folder } })).cluster.server, 'https://home:6443');
  await assert.rejects(selectContext({ env: { HOME: '/nowhere' } }), /no kubeconfig \/nowhere\/.kube\/config/);
});

test('paths are relative to their file, and a command without a slash is one of $PATH', async (t) => {
  const user = (command: string) => ({
    tokenFile: 'token',
    'client-certificate': '/etc/client.crt',
    'client-key': '../client.key',
    exec: { command },
  });
  const cluster = { 'certificate-authority': 'pki/ca.crt' };
  const folder = write(t, {
    'one/relative': config('a', { current: 'a', cluster, user: user('./plugin') }),
    'one/named': config('a', { current: 'a', user: user('aws') }),
  });
  const relative = await selectContext({ file: join(folder, 'one/relative') });
  assert.equal(relative.cluster['certificate-authority'], join(folder, 'one/pki/ca.crt'));
  assert.equal(relative.user.tokenFile, join(folder, 'one/token'));
  assert.equal(relative.user['client-certificate'], '/etc/client.crt');
  assert.equal(relative.user['client-key'], join(folder, 'client.key'));
  assert.equal(relative.user.exec?.command, join(folder, 'one/plugin'));
  const named = await selectContext({ file: join(folder, 'one/named') });
  assert.equal(named.user.exec?.command, 'aws');
});

test('of a file and its content the content counts, and what is empty is absent', async (t) => {
  const files = { 'client-certificate': 'a.crt', 'client-key': 'a.key' };
  const data = { 'client-certificate-data': 'YQ==', 'client-key-data': 'YQ==' };
  const empty = { tokenFile: '', token: '', ...files, 'client-certificate-data': '', 'client-key-data': '' };
  const folder = write(t, {
    both: config('a', {
      current: 'a',
      cluster: { 'certificate-authority': '/nowhere/ca', 'certificate-authority-data': 'YQ==' },
      user: { ...files, ...data },
    }),
    empty: config('a', { current: 'a', cluster: { 'certificate-authority': '' }, user: empty }),
  });
  const both = await selectContext({ file: join(folder, 'both') });
  assert.equal(both.cluster['certificate-authority'], undefined);
  assert.equal(both.user['client-certificate'], undefined);
  assert.equal(both.user['client-key'], undefined);
  assert.equal(both.user['client-key-data'], 'YQ==');
  const { cluster, user } = await selectContext({ file: join(folder, 'empty') });
  assert.equal(cluster['certificate-authority'], undefined);
  assert.equal(user.tokenFile, undefined);
  assert.equal(user['client-key'], join(folder, 'a.key'));
});

test('a context without a user, or with one that is not there, has none', async (t) => {
  const text = JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: 'https://c' } }],
    contexts: [
      { name: 'none', context: { cluster: 'c' } },
      { name: 'missing', context: { cluster: 'c', user: 'missing' } },
    ],
  });
  const file = join(write(t, { config: text }), 'config');
  for (const context of ['none', 'missing']) assert.deepEqual((await selectContext({ file, context })).user, {});
});

const wrong: readonly (readonly [name: string, text: string, message: RegExp])[] = [
  [
    'a server without a scheme',
    config('a', { current: 'a', server: 'a:6443' }),
    /begin with https:\/\/.*clusters\[0\]/,
  ],
  ['no YAML', 'clusters: [', /line 1: /],
  ['a list', '[]', /expected object/i],
  ['no current context', config('a'), /no context ""; it has a/],
  ['a user of another shape', config('a', { current: 'a', user: { exec: 'aws' } }), /users\[0\]\.user\.exec/],
];
for (const [name, text, message] of wrong) {
  test(`it says what is wrong: ${name}`, async (t) => {
    const file = join(write(t, { config: text }), 'config');
    await assert.rejects(selectContext({ file }), message);
  });
}
