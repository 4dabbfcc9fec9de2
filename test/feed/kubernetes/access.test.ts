import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Access } from '../../../src/feed/kubernetes/access.ts';
import { InClusterAccess, isInCluster } from '../../../src/feed/kubernetes/in-cluster.ts';
import { KubeconfigAccess } from '../../../src/feed/kubernetes/kubeconfig.ts';
import { serviceObject } from '../../support/api-objects.ts';
import type { ApiServer } from '../../support/api-server.ts';
import { makeCertificates } from '../../support/certificates.ts';
import { until } from '../../support/until.ts';
import { temporaryFolder } from '../file/support.ts';
import { hastyClock, startFeed, startServer, untilServices } from './support.ts';

const web = serviceObject('web', '10.96.0.1');

interface Kubeconfig {
  readonly server: string;
  readonly cluster?: object;
  readonly user?: object;
}

/** JSON is YAML. */
function kubeconfig({ server, cluster = {}, user = {} }: Kubeconfig): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'nowhere',
    clusters: [
      { name: 'test', cluster: { server, ...cluster } },
      { name: 'nowhere', cluster: { server: 'http://127.0.0.1:1' } },
    ],
    users: [{ name: 'me', user }],
    contexts: [
      { name: 'test', context: { cluster: 'test', user: 'me' } },
      { name: 'nowhere', context: { cluster: 'nowhere', user: 'nobody' } },
      { name: 'broken', context: { cluster: 'missing', user: 'me' } },
    ],
  });
}

function write(t: TestContext, text: string): string {
  const file = join(temporaryFolder(t), 'kubeconfig');
  writeFileSync(file, text);
  return file;
}

/** Services come by this access. */
async function works(t: TestContext, server: ApiServer, access: Access) {
  server.set(web);
  const { feed, seen } = await startFeed(t, server, { access });
  await untilServices(seen, 'web');
  assert.deepEqual(seen.problems, []);
  return { feed, seen };
}

test('a kubeconfig without credentials, over plain HTTP, by its context', async (t) => {
  const server = await startServer(t);
  const file = write(t, kubeconfig({ server: `${server.url}/` }));
  await works(t, server, new KubeconfigAccess({ file, context: 'test', clock: hastyClock }));
});

test('a kubeconfig with a token', async (t) => {
  const server = await startServer(t, { tokens: new Set(['secret']) });
  const file = write(t, kubeconfig({ server: server.url, user: { token: 'secret' } }));
  await works(t, server, new KubeconfigAccess({ file, context: 'test', clock: hastyClock }));
});

test('a kubeconfig with certificates, as data and as files', async (t) => {
  const certificates = makeCertificates(t);
  const { pem, folder } = certificates;
  const tls = {
    ca: pem('ca.crt'),
    cert: pem('server.crt'),
    key: pem('server.key'),
    requestCert: true,
    rejectUnauthorized: true,
  };
  const server = await startServer(t, { tls });
  const data = (name: string) => Buffer.from(pem(name)).toString('base64');
  const inline = {
    cluster: { 'certificate-authority-data': data('ca.crt') },
    user: { 'client-certificate-data': data('client.crt'), 'client-key-data': data('client.key') },
  };
  const files = {
    cluster: { 'certificate-authority': 'ca.crt' },
    user: { 'client-certificate': 'client.crt', 'client-key': 'client.key' },
  };
  for (const [name, parts] of Object.entries({ inline, files })) {
    const file = join(folder, name);
    writeFileSync(file, kubeconfig({ server: server.url, ...parts }));
    await works(t, server, new KubeconfigAccess({ file, context: 'test', clock: hastyClock }));
  }
});

test('a server whose certificate nobody vouches for is not believed', async (t) => {
  const { pem } = makeCertificates(t);
  const server = await startServer(t, { tls: { cert: pem('server.crt'), key: pem('server.key') } });
  server.set(web);
  const file = write(t, kubeconfig({ server: server.url }));
  const access = new KubeconfigAccess({ file, context: 'test', clock: hastyClock });
  const { seen } = await startFeed(t, server, { access });
  assert.equal(seen.states.length, 0);
  assert.deepEqual([...new Set(seen.codes)], ['KUBERNETES_UNREACHABLE']);
  assert.match(seen.problems[0]?.message ?? '', /certificate/);
});

test('a kubeconfig with a plugin, which is asked again when the server refuses what it said', async (t) => {
  const server = await startServer(t, { tokens: new Set(['one']) });
  const folder = temporaryFolder(t);
  const plugin = join(folder, 'plugin');
  const credential = (token: string) =>
    JSON.stringify({
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token, expirationTimestamp: '2099-01-01T00:00:00Z' },
    });
  const say = (token: string) => writeFileSync(plugin, `#!/bin/sh\necho '${credential(token)}'\n`);
  say('one');
  chmodSync(plugin, 0o755);
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' };
  const file = write(t, kubeconfig({ server: server.url, user: { exec } }));
  const access = new KubeconfigAccess({ file, context: 'test', clock: hastyClock });
  const { seen } = await works(t, server, access);
  server.tokens?.clear();
  server.tokens?.add('two');
  server.cutWatches();
  await until(() => seen.codes.includes('KUBERNETES_UNAUTHORIZED'), 'it is refused');
  say('two');
  server.set(serviceObject('other', '10.96.0.2'));
  await untilServices(seen, 'other web');
});

test('a plugin that fails, a file that is missing, a context that is not there: it says so', async (t) => {
  const server = await startServer(t);
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: '/bin/false' };
  const file = write(t, kubeconfig({ server: server.url, user: { exec } }));
  const cases = [
    [{ file, context: 'test' }, /no way to the API server/],
    [{ file: '/nowhere/kubeconfig' }, /ENOENT/],
    [{ file, context: 'other' }, /no context "other"; it has test, nowhere, broken/],
    [{ file, context: 'broken' }, /no cluster "missing"/],
  ] as const;
  for (const [init, message] of cases) {
    const { seen, feed } = await startFeed(t, server, { access: new KubeconfigAccess({ ...init, clock: hastyClock }) });
    assert.deepEqual([...new Set(seen.codes)], ['KUBERNETES_CREDENTIALS']);
    assert.match(seen.problems[0]?.message ?? '', message);
    await feed.close();
  }
});

test('a kubeconfig that is written later is found', async (t) => {
  const server = await startServer(t);
  const file = join(temporaryFolder(t), 'kubeconfig');
  server.set(web);
  const { seen } = await startFeed(t, server, {
    access: new KubeconfigAccess({ file, context: 'test', clock: hastyClock }),
  });
  assert.equal(seen.states.length, 0);
  writeFileSync(file, kubeconfig({ server: server.url }));
  await untilServices(seen, 'web');
});

test('in a pod: the ServiceAccount, whose token is read anew for each request', async (t) => {
  const { pem, folder } = makeCertificates(t);
  const server = await startServer(t, {
    tls: { cert: pem('server.crt'), key: pem('server.key') },
    tokens: new Set(['first']),
  });
  writeFileSync(join(folder, 'token'), 'first\n');
  const env = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: `${server.port}` };
  assert.ok(isInCluster(env));
  assert.ok(!isInCluster({}));
  const { seen } = await works(t, server, new InClusterAccess({ folder, env }));
  writeFileSync(join(folder, 'token'), 'second');
  server.tokens?.clear();
  server.tokens?.add('second');
  server.cutWatches();
  server.set(serviceObject('other', '10.96.0.2'));
  await untilServices(seen, 'other web');
  assert.deepEqual(seen.codes, []);
});
