import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ExplainResponse } from '../../src/admin/explain-shape.ts';
import { serviceObject } from '../support/api-objects.ts';
import { ApiServer } from '../support/api-server.ts';
import { kubeconfigOf } from '../support/kubeconfig.ts';
import { address, ask, httpPod, podPort, vipPort } from '../support/pods.ts';
import { type Program, startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { a, b, c, configOf, vip } from './config.ts';

const built = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const client = address(200);

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(words: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, SLUICE_ADMIN: ___, ...inherited } = process.env;
  return spawn(process.execPath, [built, ...words], {
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function run(words: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended> {
  const child = start(words, env);
  const [out, err] = [child.stdout, child.stderr].map((stream) => {
    const chunks: Buffer[] = [];
    stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
    return () => Buffer.concat(chunks).toString();
  });
  const [code] = await once(child, 'close');
  return { code, out: out?.() ?? '', err: err?.() ?? '' };
}

/** A command against a running sluice, by its unix socket. */
const sluice = (program: Program, ...words: string[]) =>
  run(words, { SLUICE_ADMIN: `unix:${join(program.folder, 'admin.sock')}` });

async function outOf(program: Program, ...words: string[]): Promise<string> {
  const { code, out, err } = await sluice(program, ...words);
  assert.deepEqual([code, err], [0, '']);
  return out;
}

/** 2 d 12 h 30 min ago: told in hours, so that it is the same for as long as any machine takes for these tests. */
const created = new Date(Date.now() - 60.5 * 3_600_000).toISOString();

/** The scenario on loopback, with a third pod that is not ready, and another namespace. */
function scenario(): string {
  const at = [a, b, c].map((pod, index) => ({ addresses: [pod], conditions: { ready: index < 2 } }));
  return `apiVersion: v1
kind: Service
metadata: { name: webserver, labels: { run: webserver }, creationTimestamp: "${created}" }
spec: { type: ClusterIP, clusterIP: ${vip}, selector: { run: webserver }, ports: [{ port: ${vipPort}, targetPort: ${podPort} }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: webserver-x, labels: { kubernetes.io/service-name: webserver } }
addressType: IPv4
ports: [{ name: "", port: ${podPort} }]
endpoints: ${JSON.stringify(at)}
---
apiVersion: v1
kind: Service
metadata: { name: other, namespace: apps, creationTimestamp: "${created}" }
spec: { clusterIP: ${address(2)}, ports: [{ port: ${vipPort} }] }
`;
}

async function startScenario(t: TestContext): Promise<Program> {
  await Promise.all([a, b].map((pod) => httpPod(t, pod)));
  const config = 'feeds: [{ file: { path: manifests } }]';
  return startProgram(t, { config, files: { 'manifests/web.yaml': scenario() } });
}

/** Lines with their columns three spaces apart, as `get` prints them. */
function table(...rows: string[][]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('   ')
          .trimEnd()}\n`,
    )
    .join('');
}

const header = ['NAME', 'TYPE', 'CLUSTER-IP', 'EXTERNAL-IP', 'PORT(S)', 'AGE'];
const webserver = ['webserver', 'ClusterIP', vip, '<none>', `${vipPort}/TCP`, '2d12h'];
const other = ['other', 'ClusterIP', address(2), '<none>', `${vipPort}/TCP`, '2d12h'];

test('get: the tables that users of kubectl know, by namespace, label and name', async (t) => {
  const program = await startScenario(t);
  const get = (...words: string[]) => outOf(program, 'get', ...words);
  assert.equal(await get('service', '-l', 'run=webserver'), table(header, webserver));
  assert.equal(await get('svc', '-o', 'wide'), table([...header, 'SELECTOR'], [...webserver, 'run=webserver']));
  assert.equal(
    await get('services', '-A'),
    table(['NAMESPACE', ...header], ['apps', ...other], ['default', ...webserver]),
  );
  assert.equal(await get('svc/other', '-n', 'apps'), table(header, other));
  assert.equal(
    await get('ep'),
    table(['NAME', 'ENDPOINTS', 'AGE'], ['webserver', `${a}:${podPort},${b}:${podPort}`, '2d12h']),
  );
  assert.equal(
    await get('frontends', `${vip}:${vipPort}`, '-o', 'wide'),
    table(
      ['FRONTEND', 'SERVICE', 'STATE', 'ACTIVE', 'POLICY', 'ELIGIBLE', 'MESSAGE'],
      [`${vip}:${vipPort}/TCP`, 'webserver', 'listening', '0', 'roundRobin', '2/3', '<none>'],
    ),
  );
  assert.equal(await get('svc', '-o', 'name'), 'service/webserver\n');
  assert.equal(JSON.parse(await get('svc', 'webserver', '-o', 'json')).spec.clusterIP, vip);
});

test('headless and ExternalName services are listed and described, and not proxied', async (t) => {
  const program = await startScenario(t);
  await program.write(
    'manifests/dns.yaml',
    `apiVersion: v1
kind: Service
metadata: { name: db, namespace: dns, creationTimestamp: "${created}" }
spec: { type: ExternalName, externalName: db.example }
---
apiVersion: v1
kind: Service
metadata: { name: peers, namespace: dns, creationTimestamp: "${created}" }
spec: { clusterIP: None, selector: { run: peers }, ports: [{ port: 80 }] }
`,
  );
  const rows = [
    ['db', 'ExternalName', '<none>', 'db.example', '<none>', '2d12h'],
    ['peers', 'ClusterIP', 'None', '<none>', '80/TCP', '2d12h'],
  ];
  const get = () => sluice(program, 'get', 'svc', '-n', 'dns');
  await until(async () => (await get()).out !== '', 'they are read');
  assert.deepEqual(await get(), { code: 0, out: table(header, ...rows), err: '' });
  const { out } = await sluice(program, 'describe', 'svc', 'peers', '-n', 'dns');
  assert.match(out, /^Frontends: +<none> \(not proxied: headless/m);
  assert.match((await sluice(program, 'get', 'frontends', '-n', 'dns')).err, /^No resources found/);
});

test('get -o yaml is what the file feed reads, and check finds the same in it', async (t) => {
  const program = await startScenario(t);
  await program.write('copy/services.yaml', await outOf(program, 'get', 'svc', '-A', '-o', 'yaml'));
  await program.write('copy/endpoints.yaml', await outOf(program, 'get', 'ep', '-A', '-o', 'yaml'));
  const { code, out, err } = await run(['check', join(program.folder, 'copy')]);
  assert.deepEqual([code, err], [0, '']);
  assert.match(out, new RegExp(`${vip}:${vipPort}/TCP +default/webserver .*${a}:${podPort}, ${b}:${podPort}, ${c}:`));
});

test('describe: the layout that users of kubectl know', async (t) => {
  const program = await startScenario(t);
  const expected = `Name:                     webserver
Namespace:                default
Labels:                   run=webserver
Annotations:              <none>
Selector:                 run=webserver
Type:                     ClusterIP
IP Families:              IPv4
IP:                       ${vip}
IPs:                      ${vip}
Port:                     <unset>  ${vipPort}/TCP
TargetPort:               ${podPort}/TCP
Endpoints:                ${a}:${podPort},${b}:${podPort}
Left Out:                 ${c}:${podPort} (not-ready)
Session Affinity:         None
Internal Traffic Policy:  Cluster
Policy:                   roundRobin
Frontends:                ${vip}:${vipPort}/TCP  listening
Events:                   <none>
`;
  assert.equal(await outOf(program, 'describe', 'service/webserver'), expected);
  assert.equal(await outOf(program, 'describe', 'service', 'webserver'), expected);
  assert.equal(await outOf(program, 'describe', 'svc'), expected, 'all of the namespace');
});

test('sessions: who talks to whom, until they are gone', async (t) => {
  const program = await startScenario(t);
  const socket = connect({ host: vip, port: vipPort, localAddress: client });
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(socket, 'data');
  const out = await outOf(program, 'get', 'sessions', client, '-o', 'json');
  const { namespace, service, frontend, endpoint, bytesFromClient, ...session } = JSON.parse(out);
  assert.deepEqual(
    [namespace, service, session.client, frontend, endpoint, bytesFromClient],
    ['default', 'webserver', `${client}:${socket.localPort}`, `${vip}:${vipPort}`, `${a}:${podPort}`, 27],
  );
  const text = await outOf(program, 'get', 'sessions');
  assert.match(text, /^CLIENT +FRONTEND +ENDPOINT +AGE +IDLE +BYTES-IN +BYTES-OUT\n/);
  assert.match(
    text,
    new RegExp(`^${client}:\\d+ +${vip}:${vipPort}/TCP +${a}:${podPort} +\\d+s +\\d+s +27 +\\d+\n$`, 'm'),
  );
  socket.destroy();
  await until(async () => (await sluice(program, 'get', 'sessions')).err !== '', 'it is gone');
});

test('explain: what would be chosen, which is then chosen, however often one asks', async (t) => {
  const program = await startScenario(t);
  const explain = async () =>
    JSON.parse(await outOf(program, 'explain', client, `${vip}:${vipPort}/tcp`, '-o', 'json')) as ExplainResponse;
  for (const pod of [a, b, a]) {
    for (let again = 0; again < 2; again += 1) {
      const { outcome, found } = await explain();
      assert.deepEqual(outcome, { kind: 'forward', endpoint: `${pod}:${podPort}`, by: 'policy' });
      assert.deepEqual(found?.endpoints.find(({ leftOut }) => leftOut !== undefined)?.leftOut, 'not-ready');
    }
    assert.equal(await ask(vip, { from: client }), pod);
  }
  const isIdle = ({ totals }: { totals: { active: number } }) => totals.active === 0;
  await until(async () => (await program.services()).servicePorts.every(isIdle), 'the connections have ended');
  const text = await outOf(program, 'explain', client, `${vip}:${vipPort}`);
  const asLogged = await outOf(program, 'explain', client, `${vip}:${vipPort}/TCP`);
  assert.equal(asLogged, text, 'as the log and check write it');
  assert.equal(
    text,
    `Client:     ${client}
Frontend:   ${vip}:${vipPort}/TCP of default/webserver (cluster IP), listening
Sources:    every client is served
Limits:     0 flows now, no limit is reached
Endpoints:  2 of 3 get new flows
            + ${a}:${podPort}  0 active
            + ${b}:${podPort}  0 active
            - ${c}:${podPort}  0 active; not-ready (neither ready, nor serving while it terminates)
Affinity:   None
Policy:     roundRobin: next ${b}:${podPort}, then ${a}:${podPort}
Result:     ${b}:${podPort}, by policy
`,
  );
});

test('explain: an affinity entry, its remaining time, and nobody to go to', async (t) => {
  await httpPod(t, a);
  const services = [
    { name: 'web', backends: [a, b], sessionAffinity: 'ClientIP' },
    { name: 'none', vip: address(2), backends: [] },
  ];
  const program = await startProgram(t, { config: configOf(services) });
  assert.equal(await ask(vip, { from: client }), a);
  const text = await outOf(program, 'explain', client, `${vip}:${vipPort}`);
  assert.match(text, new RegExp(`^Affinity: +ClientIP, 3h: the client has ${a}:${podPort} for another 1\\d\\dm$`, 'm'));
  assert.match(text, new RegExp(`^Result: +${a}:${podPort}, by affinity$`, 'm'));
  const stranger = await outOf(program, 'explain', address(201), `${vip}:${vipPort}`);
  assert.match(stranger, new RegExp(`^Result: +${b}:${podPort}, by policy$`, 'm'));
  const nobody = await sluice(program, 'explain', client, `${address(2)}:${vipPort}`);
  assert.equal(nobody.code, 1);
  assert.match(nobody.out, /^Result: +rejected: no-endpoint \(/m);
  const nowhere = await sluice(program, 'explain', client, `${vip}:${vipPort + 1}`);
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.out, new RegExp(`^Nearest: +${vip}:${vipPort}/TCP of default/web$`, 'm'));
});

test('who asks is told of a feed that has not synced, or whose server is away', async (t) => {
  const server = new ApiServer();
  await server.listen();
  await server.close();
  t.after(() => server.close());
  server.set(serviceObject('web', vip, { port: vipPort }));
  const program = await startProgram(t, {
    config: 'feeds: [{ kubernetes: { kubeconfig: kubeconfig } }]',
    files: { kubeconfig: kubeconfigOf(server.url) },
    waitForReady: false,
  });
  const published = () =>
    program.ready().then(
      ({ reasons }) => !reasons.includes('nothing-published'),
      () => false,
    );
  await until(published, 'it has begun');
  const unsynced =
    /^warning: feed kubernetes has not synced yet, its services are missing here: .*KUBERNETES_UNREACHABLE/;
  const list = await sluice(program, 'get', 'svc', '-o', 'json');
  assert.deepEqual([list.code, JSON.parse(list.out).items], [0, []]);
  assert.match(list.err, unsynced);
  for (const words of [
    ['describe', 'service', 'web'],
    ['explain', client, `${vip}:${vipPort}`],
  ]) {
    const { code, err } = await sluice(program, ...words);
    assert.equal(code, 1);
    assert.match(err, unsynced);
  }
  await server.listen();
  await until(async () => (await program.ready()).status === 'ready', 'it has synced');
  assert.match(await outOf(program, 'get', 'svc'), /^web /m);
  await server.close();
  await until(async () => (await program.ready()).status === 'degraded', 'it is told');
  const stale = await sluice(program, 'get', 'svc');
  assert.match(stale.out, /^web /m);
  assert.match(stale.err, /^warning: feed kubernetes: .* cannot be followed, the last known serve on: .*\n$/);
});

test('get -w prints what changes, until it is interrupted', async (t) => {
  const program = await startScenario(t);
  const child = start(['get', 'svc', '-o', 'wide', '--watch', '--admin', `unix:${join(program.folder, 'admin.sock')}`]);
  t.after(() => child.kill('SIGKILL'));
  let out = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk;
  });
  await until(() => out.includes('\nwebserver '), 'the first table');
  const first = out;
  await program.write(
    'manifests/web.yaml',
    scenario().replace('selector: { run: webserver }', 'selector: { run: green }'),
  );
  await until(() => out.endsWith('run=green\n'), 'the changed row');
  assert.match(out.slice(first.length), /^webserver +ClusterIP .* run=green\n$/);
  child.kill('SIGINT');
  const [, signal] = await once(child, 'close');
  assert.equal(signal, 'SIGINT');
});

test('get -w waits for a sluice that is started again, and prints only what has changed', async (t) => {
  const program = await startScenario(t);
  const child = start(['get', 'svc', '-w', '-A', '--admin', `unix:${join(program.folder, 'admin.sock')}`]);
  t.after(() => child.kill('SIGKILL'));
  const [out, err] = [child.stdout, child.stderr].map((stream) => {
    const text = { all: '' };
    stream?.setEncoding('utf8').on('data', (chunk: string) => (text.all += chunk));
    return text;
  }) as [{ all: string }, { all: string }];
  await until(() => out.all.includes('webserver '), 'the first table');
  const first = out.all;
  await program.kill();
  await until(() => err.all.includes('it is waited for'), 'it says that it waits');
  await program.start();
  await program.write('manifests/web.yaml', scenario().replace('type: ClusterIP', 'externalIPs: [127.0.0.9]'));
  await until(() => out.all.length > first.length, 'the changed row');
  assert.match(out.all.slice(first.length), /^default +webserver +ClusterIP +\S+ +127\.0\.0\.9 .*\n$/);
  assert.match(err.all, /^the admin server unix:\S+ cannot be reached \(\w+\): .*; it is waited for\n$/);
});

test('get -w ends when nobody reads it any more', async (t) => {
  const program = await startScenario(t);
  const child = start(['get', 'svc', '-w', '-o', 'name', '--admin', `unix:${join(program.folder, 'admin.sock')}`]);
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  let err = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk;
  });
  assert.ok(child.stdout);
  await once(child.stdout, 'data');
  child.stdout.destroy();
  await program.write('manifests/web.yaml', scenario().replaceAll(`port: ${vipPort},`, `port: ${vipPort + 1},`));
  assert.deepEqual([await ended, err], [[141, null], '']);
});

test('over TCP it is the same', async (t) => {
  const program = await startScenario(t);
  const at = `${address(3)}:9090`;
  await program.write('sluice.yaml', `admin: { listen: "${at}" }\nfeeds: [{ file: { path: manifests } }]\n`);
  const get = () => run(['get', 'svc', '--admin', at]);
  await until(async () => (await get()).code === 0, 'it answers at the new address');
  assert.deepEqual(await get(), { code: 0, out: table(header, webserver), err: '' });
});

test('what is not there, and what is wrong, ends with 1 and says what to do', async (t) => {
  const program = await startScenario(t);
  const rows: [words: string[], err: RegExp][] = [
    [['get', 'svc', 'x'], /^Error from server \(NotFound\): services "x" not found\n$/],
    [['get', 'ep', 'x'], /^Error from server \(NotFound\): endpoints "x" not found\n$/],
    [['describe', 'svc', 'x'], /^Error from server \(NotFound\): services "x" not found\n$/],
    [['get', 'pods'], /^error: there is no type "pods": there are services, .*\[USAGE\]\n$/],
    [['get', 'svc', '-l', 'a='.repeat(2)], /^error: not a label selector: .*\[USAGE\]\n$/],
    [['get', 'svc', 'x', '-A'], /^error: a resource cannot be retrieved by name across all namespaces/],
    [['get', 'svc', 'x', '-l', 'a'], /^error: names and a selector cannot be used together/],
    [['get', 'svc/x', 'ep/x'], /^error: write TYPE NAME/],
    [['describe', 'ep', 'x'], /^error: only services can be described/],
    [['describe', 'svc/'], /^error: which one\?/],
    [['explain', 'x', vip], /^error: client is an IP address/],
    [['explain', client, vip], /^error: frontend is ip:port/],
    [['explain', '::1', `${vip}:8080`], /^error: an IPv6 client never comes to an IPv4 VIP \[USAGE\]\n$/],
    [['get', 'svc', '--admin', 'nowhere'], /^error: --admin is "nowhere": write host:port/],
    [
      ['get', 'svc', '--admin', `${address(4)}:9`],
      new RegExp(`^error: the admin server ${address(4)}:9 cannot be reached \\(ECONNREFUSED\\): is sluice running\\?`),
    ],
  ];
  for (const [words, expected] of rows) {
    const { code, out, err } = await sluice(program, ...words);
    assert.deepEqual([code, out], [1, ''], words.join(' '));
    assert.match(err, expected);
  }
  const none = await sluice(program, 'get', 'svc', '-A', '-l', 'no=such');
  assert.deepEqual(none, { code: 0, out: '', err: 'No resources found\n' });
  const both = await outOf(program, 'get', 'svc', 'webserver', 'webserver', '-o', 'name');
  assert.equal(both, 'service/webserver\n');
  const empty = await sluice(program, 'get', 'svc', '-n', 'nowhere');
  assert.deepEqual(empty, { code: 0, out: '', err: 'No resources found in nowhere namespace.\n' });
});
