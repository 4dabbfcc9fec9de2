import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { errorCode } from '../../src/base/errors.ts';
import { address, podPort, udpClient, udpPod, vipPort } from '../support/pods.ts';
import { client } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { assertRefused, type Cluster, podObject, serviceObject, startCluster } from './cluster.ts';
import { total } from './config.ts';

/*
 * What becomes of TCP connections and UDP clients that are there when their service changes: kube-proxy's tests of its
 * userspace mode (pkg/proxy/userspace/proxier_test.go: UpdatePort, UpdateDelete) and its e2e tests (service.go,
 * conntrack.go), with flows that are established.
 */

const [vip, secondVip, nodeIp] = [address(1), address(2), address(3)];
const [a, b] = [address(11), address(12)];
const ports = [
  { name: 'tcp', port: vipPort, targetPort: podPort },
  { name: 'udp', port: vipPort, targetPort: podPort, protocol: 'UDP' },
];

/** TCP and UDP servers that answer their address and what they are told. */
async function talkingPod(t: TestContext, host: string): Promise<void> {
  const server = createServer((socket) => {
    t.after(() => socket.destroy());
    socket.on('error', () => {}).on('data', (data) => socket.write(`${host}:${data}`));
  });
  server.listen(podPort, host);
  t.after(() => server.close());
  await Promise.all([once(server, 'listening'), udpPod(t, host)]);
}

async function told(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  return String((await once(socket, 'data'))[0]);
}

async function allListen(cluster: Cluster): Promise<void> {
  await until(async () => (await cluster.frontends()).every((each) => each.endsWith(' listening')), 'all listen');
}

/** A listener takes the clients that wait for it before it closes: that needs a moment. */
async function untilClosed(t: TestContext, host: string, port: number): Promise<void> {
  const attempt = () => client(t, port, host).then(() => 'connected', errorCode);
  await until(async () => (await attempt()) === 'ECONNREFUSED', `nobody listens on ${host}:${port}`);
}

test("two services swap their VIPs: connections stay, a UDP client becomes the other one's", async (t) => {
  await Promise.all([talkingPod(t, a), talkingPod(t, b)]);
  const objects = (one: string, two: string) => [
    serviceObject(one, { ports }, { name: 'one' }),
    serviceObject(two, { ports }, { name: 'two' }),
    podObject(a, { run: 'one' }),
    podObject(b, { run: 'two' }),
  ];
  const cluster = await startCluster(t, {}, ...objects(vip, secondVip));
  const [socket, datagrams] = [await client(t, vipPort, vip), await udpClient(t, vip)];
  assert.deepEqual([await told(socket, '1'), await datagrams.ask('1')], [`${a}:1`, `${a}:1`]);
  await cluster.apply(...objects(secondVip, vip));
  assert.deepEqual([await told(socket, '2'), await datagrams.ask('2')], [`${a}:2`, `${b}:2`]);
  assert.equal(await told(await client(t, vipPort, vip), '3'), `${b}:3`);
});

test('targetPort, port, ExternalName and back: connections stay, a UDP client follows as soon as it can', async (t) => {
  await Promise.all([talkingPod(t, a), talkingPod(t, b)]);
  const service = (port: number, targetPort: number) =>
    serviceObject(vip, { ports: ports.map((each) => ({ ...each, port, targetPort })) });
  const pod = podObject(a);
  const cluster = await startCluster(t, {}, service(vipPort, podPort), pod);
  const [socket, datagrams] = [await client(t, vipPort, vip), await udpClient(t, vip)];
  assert.deepEqual([await told(socket, '1'), await datagrams.ask('1')], [`${a}:1`, `${a}:1`]);

  await cluster.apply(service(vipPort, 9), pod);
  assert.equal(await told(socket, '2'), `${a}:2`);
  await assertRefused(vip);
  await cluster.apply(service(vipPort + 1, podPort), pod);
  await allListen(cluster);
  await untilClosed(t, vip, vipPort);
  assert.equal(await told(socket, '3'), `${a}:3`);
  assert.equal(await told(await client(t, vipPort + 1, vip), '4'), `${a}:4`);

  await cluster.apply(serviceObject('', { type: 'ExternalName', externalName: 'a.example', clusterIP: undefined }));
  await untilClosed(t, vip, vipPort + 1);
  assert.equal(await told(socket, '5'), `${a}:5`);
  await cluster.apply(service(vipPort, podPort), podObject(b));
  await allListen(cluster);
  assert.deepEqual([await told(socket, '6'), await datagrams.ask('6')], [`${a}:6`, `${b}:6`]);
});

test('another node port, external IP and load-balancer IP: the old ones refuse, their connections stay', async (t) => {
  await talkingPod(t, a);
  const service = (nodePort: number, external: string, balancer: string) =>
    serviceObject(
      vip,
      { type: 'LoadBalancer', externalIPs: [external], ports: ports.map((port) => ({ ...port, nodePort })) },
      { status: { loadBalancer: { ingress: [{ ip: balancer }] } } },
    );
  const node = { name: 'node-a', addresses: [nodeIp] };
  const cluster = await startCluster(t, { node }, service(30_111, address(61), address(71)), podObject(a));
  const places = (nodePort: number, last: number) =>
    [
      [nodeIp, nodePort],
      [address(60 + last), vipPort],
      [address(70 + last), vipPort],
    ] as const;
  const before = await Promise.all(places(30_111, 1).map(([host, port]) => client(t, port, host)));
  for (const socket of before) assert.equal(await told(socket, '1'), `${a}:1`);
  await cluster.apply(service(30_112, address(62), address(72)), podObject(a));
  await allListen(cluster);
  for (const socket of before) assert.equal(await told(socket, '2'), `${a}:2`);
  for (const [host, port] of places(30_111, 1)) await untilClosed(t, host, port);
  for (const [host, port] of places(30_112, 2)) {
    assert.equal(await told(await client(t, port, host), '3'), `${a}:3`);
    assert.equal(await (await udpClient(t, host, address(250), port)).ask('3'), `${a}:3`);
  }
});

test('UDP: the sessions of a pod that is published though it is not ready stay, whoever else comes', async (t) => {
  await Promise.all([udpPod(t, a), udpPod(t, b)]);
  const service = serviceObject(vip, { ports: ports.slice(1), publishNotReadyAddresses: true });
  const unready = podObject(a, { ready: false });
  const cluster = await startCluster(t, {}, service, unready);
  const datagrams = await udpClient(t, vip);
  assert.equal(await datagrams.ask('1'), `${a}:1`);
  await cluster.apply(service, unready, podObject(b));
  assert.equal(await datagrams.ask('2'), `${a}:2`);
  assert.equal(await total(cluster.program, 'sluice_flows_closed_total'), 0);
  await cluster.apply(serviceObject(vip, { ports: ports.slice(1) }), unready, podObject(b));
  assert.equal(await datagrams.ask('3'), `${b}:3`);
});

test('healthCheckNodePort: 503 as long as the only pod here terminates, which still answers; gone with the policy', async (t) => {
  await talkingPod(t, a);
  const service = (externalTrafficPolicy: string, healthCheckNodePort?: number) =>
    serviceObject(vip, { type: 'LoadBalancer', ports, externalTrafficPolicy, healthCheckNodePort });
  const here = podObject(a, { node: 'node-a' });
  const node = { name: 'node-a', addresses: [nodeIp] };
  const cluster = await startCluster(t, { node }, service('Local', 32_001), here);
  const health = (port: number, path: string) =>
    fetch(`http://${nodeIp}:${port}${path}`, { headers: { connection: 'close' } }).catch(() => undefined);
  for (const path of ['/', '/healthz']) {
    const answer = await health(32_001, path);
    const headers = ['content-type', 'x-content-type-options', 'x-load-balancing-endpoint-weight'];
    assert.deepEqual(
      [answer?.status, ...headers.map((name) => answer?.headers.get(name)?.split(';')[0])],
      [200, 'application/json', 'nosniff', '1'],
    );
    const body = { service: { namespace: 'default', name: 'web' }, localEndpoints: 1, serviceProxyHealthy: true };
    assert.deepEqual(await answer?.json(), body);
  }
  await cluster.apply(service('Local', 32_001), podObject(a, { node: 'node-a', terminating: true }));
  const answer = await health(32_001, '/');
  assert.deepEqual([answer?.status, answer?.headers.get('x-load-balancing-endpoint-weight')], [503, '0']);
  assert.equal(await told(await client(t, vipPort, vip), '1'), `${a}:1`);
  const becomes = (port: number, status: number | undefined) =>
    until(async () => (await health(port, '/'))?.status === status, `port ${port} says ${status}`);
  await cluster.apply(service('Cluster'), here);
  await becomes(32_001, undefined);
  await cluster.apply(service('Local', 32_002), here);
  await becomes(32_002, 200);
});
