import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { InClusterAccess, isInCluster } from '../../../src/feed/kubernetes/in-cluster.ts';
import { KubeconfigAccess } from '../../../src/feed/kubernetes/kubeconfig.ts';
import { formatAddressPort } from '../../../src/model/address.ts';
import { serviceObject } from '../../support/api-objects.ts';
import { makeCertificates } from '../../support/certificates.ts';
import { connectProxy, socksProxy } from '../../support/proxies.ts';
import { temporaryFolder } from '../file/support.ts';
import { accessTo, kubeconfig, works, write } from './kubeconfigs.ts';
import { hastyClock, startFeed, startServer, untilServices } from './support.ts';

const web = serviceObject('web', '10.96.0.1');

test('a kubeconfig without credentials, over plain HTTP, by its context', async (t) => {
  const server = await startServer(t);
  const file = write(t, kubeconfig({ server: `${server.url}/` }));
  await works(t, server, new KubeconfigAccess({ file, context: 'test', clock: hastyClock }));
});

test('a kubeconfig with a token', async (t) => {
  const server = await startServer(t, { tokens: new Set(['secret']) });
  const file = write(t, kubeconfig({ server: server.url, user: { token: 'secret' } }));
  await works(t, server, accessTo(file));
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
    await works(t, server, accessTo(file));
  }
});

test('a server that speaks HTTP/2 too is asked to speak HTTP/1.1', async (t) => {
  const { pem } = makeCertificates(t);
  const asked: string[] = [];
  const ALPNCallback = ({ protocols }: { protocols: readonly string[] }) => {
    asked.push(...protocols);
    return protocols.find((each) => each === 'http/1.1');
  };
  const tls = { cert: pem('server.crt'), key: pem('server.key'), ALPNCallback };
  const server = await startServer(t, { tls });
  const cluster = { 'insecure-skip-tls-verify': true };
  await works(t, server, accessTo(write(t, kubeconfig({ server: server.url, cluster }))));
  assert.deepEqual([...new Set(asked)], ['http/1.1']);
});

test('a server whose certificate nobody vouches for is not believed', async (t) => {
  const { pem } = makeCertificates(t);
  const server = await startServer(t, { tls: { cert: pem('server.crt'), key: pem('server.key') } });
  server.set(web);
  const file = write(t, kubeconfig({ server: server.url }));
  const access = accessTo(file);
  const { seen } = await startFeed(t, server, { access });
  assert.equal(seen.states.length, 0);
  assert.deepEqual([...new Set(seen.codes)], ['KUBERNETES_UNREACHABLE']);
  assert.match(seen.problems[0]?.message ?? '', /certificate/);
});

test('a certificate for another name, by tls-server-name or by insecure-skip-tls-verify', async (t) => {
  const { pem } = makeCertificates(t);
  const server = await startServer(t, { tls: { cert: pem('elsewhere.crt'), key: pem('elsewhere.key') } });
  const ca = { 'certificate-authority-data': Buffer.from(pem('ca.crt')).toString('base64') };
  for (const cluster of [{ ...ca, 'tls-server-name': 'elsewhere.test' }, { 'insecure-skip-tls-verify': true }]) {
    const file = write(t, kubeconfig({ server: server.url, cluster }));
    await works(t, server, accessTo(file));
  }
  const file = write(t, kubeconfig({ server: server.url, cluster: ca }));
  const { seen } = await startFeed(t, server, {
    access: accessTo(file),
  });
  assert.match(seen.problems[0]?.message ?? '', /ERR_TLS_CERT_ALTNAME_INVALID/);
});

for (const [name, start, address] of [
  ['CONNECT', connectProxy, '127.0.0.1'],
  ['SOCKS5', socksProxy, '127.0.0.1'],
  ['CONNECT, at IPv6', (t: TestContext) => connectProxy(t, { address: '::1' }), '::1'],
  ['SOCKS5, at IPv6', socksProxy, '::1'],
] as const) {
  test(`by a proxy, with ${name}, to a server with TLS and to one without`, async (t) => {
    const { pem } = makeCertificates(t);
    const secure = await startServer(t, { address, tls: { cert: pem('server.crt'), key: pem('server.key') } });
    const proxy = await start(t);
    const ca = { 'certificate-authority-data': Buffer.from(pem('ca.crt')).toString('base64') };
    for (const server of [secure, await startServer(t, { address })]) {
      const file = write(t, kubeconfig({ server: server.url, cluster: { ...ca, 'proxy-url': proxy.url } }));
      await works(t, server, accessTo(file));
      assert.ok(proxy.asked.includes(formatAddressPort(address, server.port)));
    }
  });
}

test('by a proxy, with CONNECT, a certificate for another name than the address is not believed', async (t) => {
  const { pem } = makeCertificates(t);
  const tls = { cert: pem('elsewhere.crt'), key: pem('elsewhere.key') };
  const server = await startServer(t, { address: '::1', tls });
  const proxy = await connectProxy(t);
  const ca = { 'certificate-authority-data': Buffer.from(pem('ca.crt')).toString('base64'), 'proxy-url': proxy.url };
  const file = write(t, kubeconfig({ server: server.url, cluster: ca }));
  const { seen } = await startFeed(t, server, { access: accessTo(file) });
  assert.match(seen.problems[0]?.message ?? '', /ERR_TLS_CERT_ALTNAME_INVALID/);
  const named = write(t, kubeconfig({ server: server.url, cluster: { ...ca, 'tls-server-name': 'elsewhere.test' } }));
  await works(t, server, accessTo(named));
});

/** An API server that has a name which only the proxy knows: without it nobody gets there. */
async function behindProxy(t: TestContext) {
  const certificates = makeCertificates(t);
  const { pem } = certificates;
  const server = await startServer(t, { tls: { cert: pem('elsewhere.crt'), key: pem('elsewhere.key') } });
  const proxy = await connectProxy(t, { names: { 'elsewhere.test': '127.0.0.1' } });
  const ca = { 'certificate-authority-data': Buffer.from(pem('ca.crt')).toString('base64') };
  return { ...certificates, server, proxy, ca, place: `elsewhere.test:${server.port}` };
}

test('by the proxy of the environment, unless the kubeconfig names one', async (t) => {
  const { server, proxy, ca, place } = await behindProxy(t);
  const nobody = 'http://127.0.0.1:1';
  for (const [cluster, env] of [
    [ca, { HTTPS_PROXY: proxy.url }],
    [{ ...ca, 'proxy-url': proxy.url }, { HTTPS_PROXY: nobody }],
    [{ ...ca, 'proxy-url': proxy.url }, { NO_PROXY: '*' }],
  ] as const) {
    const before = proxy.asked.length;
    const file = write(t, kubeconfig({ server: `https://${place}`, cluster }));
    await works(t, server, accessTo(file, { env }));
    assert.deepEqual([...new Set(proxy.asked.slice(before))], [place]);
  }
});

test('a variable that names no proxy is told, and not what is in it', async (t) => {
  const { server, ca, place } = await behindProxy(t);
  const file = write(t, kubeconfig({ server: `https://${place}`, cluster: ca }));
  const access = accessTo(file, { env: { https_proxy: 'ftp://me:secret@proxy' } });
  const { seen } = await startFeed(t, server, { access });
  assert.deepEqual([...new Set(seen.codes)], ['KUBERNETES_CREDENTIALS']);
  assert.match(seen.problems[0]?.message ?? '', /HTTPS_PROXY is not the URL of a proxy/);
  assert.doesNotMatch(seen.problems[0]?.message ?? '', /secret/);
});

test('in a pod, by the proxy of the environment', async (t) => {
  const { server, proxy, folder, place } = await behindProxy(t);
  writeFileSync(join(folder, 'token'), 'token');
  const env = {
    KUBERNETES_SERVICE_HOST: 'elsewhere.test',
    KUBERNETES_SERVICE_PORT: `${server.port}`,
    https_proxy: proxy.url,
    NO_PROXY: '10.0.0.0/8,.svc',
  };
  await works(t, server, new InClusterAccess({ folder, env }));
  assert.deepEqual([...new Set(proxy.asked)], [place]);
});

test('a token file that is replaced: nobody notices', async (t) => {
  const server = await startServer(t, { tokens: new Set(['one']) });
  const file = write(t, kubeconfig({ server: server.url, user: { tokenFile: 'token', token: 'not this' } }));
  writeFileSync(join(dirname(file), 'token'), 'one\n');
  const { seen } = await works(t, server, accessTo(file));
  writeFileSync(join(dirname(file), 'token'), 'two\n');
  server.tokens?.clear();
  server.tokens?.add('two');
  server.cutWatches('end');
  server.set(serviceObject('other', '10.96.0.2'));
  await untilServices(seen, 'other web');
  assert.deepEqual(seen.codes, []);
});

test('a name and a password', async (t) => {
  const file = write(t, kubeconfig({ server: 'https://127.0.0.1', user: { username: 'me', password: 'secret' } }));
  const { options } = await accessTo(file).connection();
  assert.equal(options.auth, 'me:secret');
});

test('certificates and tokens that are none are told, and end nothing', async (t) => {
  const server = await startServer(t);
  const https = server.url.replace('http:', 'https:');
  const garbage = Buffer.from('garbage').toString('base64');
  const users = [{ 'client-certificate-data': garbage, 'client-key-data': garbage }, { token: 'two\nlines' }];
  for (const user of users) {
    const file = write(t, kubeconfig({ server: https, user }));
    const access = accessTo(file);
    const { seen, feed } = await startFeed(t, server, { access });
    assert.deepEqual([...new Set(seen.codes)], ['KUBERNETES_CREDENTIALS']);
    await feed.close();
  }
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
    const { seen, feed } = await startFeed(t, server, { access: accessTo(file, init) });
    assert.deepEqual([...new Set(seen.codes)], ['KUBERNETES_CREDENTIALS']);
    assert.match(seen.problems[0]?.message ?? '', message);
    assert.equal(seen.problems.length, 1, 'once, for all kinds of objects');
    await feed.close();
  }
});

test('a kubeconfig that is written later is found', async (t) => {
  const server = await startServer(t);
  const file = join(temporaryFolder(t), 'kubeconfig');
  server.set(web);
  const { seen } = await startFeed(t, server, {
    access: accessTo(file),
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
