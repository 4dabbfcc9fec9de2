import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { errorCode } from '../../src/base/errors.ts';
import { address, ask, askTimes, httpPod, podPort, udpClient, udpPod, vipPort } from '../support/pods.ts';
import { until } from '../support/until.ts';
import { assertRefused, podObject, serviceObject, sliceObject, startCluster, whoAnswers } from './cluster.ts';
import { total } from './config.ts';

/* The scenarios of Kubernetes' conformance tests for Services (test/e2e/network/service.go), over loopback addresses. */

const vip = address(1);
const nodeIp = address(2);
const balancerIp = address(3);
const [a, b, c] = [address(11), address(12), address(13)];
const pods = [a, b, c];

async function httpPods(t: TestContext, hosts: readonly string[] = pods, port?: number): Promise<void> {
  await Promise.all(hosts.map((host) => httpPod(t, host, port)));
}

test('pods come and go: none, one, two, the other, none', async (t) => {
  await httpPods(t);
  const web = serviceObject(vip);
  const cluster = await startCluster(t, {}, web);
  await assertRefused(vip);
  const steps = [[a], [a, b], [b]];
  for (const step of steps) {
    await cluster.apply(web, ...step.map((pod) => podObject(pod)));
    assert.deepEqual(await whoAnswers(vip, 50 * step.length), step);
  }
  await cluster.apply(web);
  await assertRefused(vip);
  assert.deepEqual(await cluster.frontends(), [`TCP ${vip}:${vipPort} listening`]);
});

test('several ports, named target ports that differ from pod to pod, ports that come and go', async (t) => {
  await Promise.all([httpPod(t, a, 8081), httpPod(t, b, 8082), httpPod(t, a, 9000), httpPod(t, b, 9000)]);
  const [web, admin] = [
    { name: 'web', port: vipPort, targetPort: 'http' },
    { name: 'admin', port: vipPort + 1, targetPort: 9000 },
  ];
  const both = [
    podObject(a, { ports: [{ name: 'http', containerPort: 8081 }] }),
    podObject(b, { ports: [{ name: 'http', containerPort: 8082 }] }),
  ];
  const cluster = await startCluster(t, {}, serviceObject(vip, { ports: [web, admin] }), ...both);
  assert.deepEqual(await whoAnswers(vip, 4), [a, b]);
  assert.deepEqual(await whoAnswers(vip, 4, { port: vipPort + 1 }), [a, b]);
  await cluster.apply(serviceObject(vip, { ports: [web] }), ...both);
  assert.deepEqual(await whoAnswers(vip, 4), [a, b]);
  await assertRefused(vip, { port: vipPort + 1 });
  await cluster.apply(serviceObject(vip, { ports: [admin] }), ...both);
  assert.deepEqual(await whoAnswers(vip, 4, { port: vipPort + 1 }), [a, b]);
  await assertRefused(vip);
});

test('the same port for TCP and UDP, then each alone', async (t) => {
  await httpPods(t, [a]);
  await udpPod(t, a);
  const tcp = { name: 'tcp', port: vipPort, targetPort: podPort };
  const udp = { name: 'udp', port: vipPort, targetPort: podPort, protocol: 'UDP' };
  const cluster = await startCluster(t, {}, serviceObject(vip, { ports: [tcp, udp] }), podObject(a));
  const client = await udpClient(t, vip);
  assert.equal(await ask(vip), a);
  assert.equal(await client.ask('x'), `${a}:x`);
  await cluster.apply(serviceObject(vip, { ports: [udp] }), podObject(a));
  await assertRefused(vip);
  assert.equal(await client.ask('y'), `${a}:y`);
  await cluster.apply(serviceObject(vip, { ports: [tcp] }), podObject(a));
  assert.equal(await ask(vip), a);
  assert.deepEqual(await cluster.frontends(), [`TCP ${vip}:${vipPort} listening`]);
});

test('endpoints that are not ready, published all the same, and not again', async (t) => {
  await httpPods(t, [a]);
  const unready = podObject(a, { ready: false });
  const cluster = await startCluster(t, {}, serviceObject(vip), unready);
  await assertRefused(vip);
  await cluster.apply(serviceObject(vip, { publishNotReadyAddresses: true }), unready);
  assert.equal(await ask(vip), a);
  await cluster.apply(serviceObject(vip), unready);
  await assertRefused(vip);
});

test('terminating endpoints are the fallback as long as they serve', async (t) => {
  await httpPods(t, [a, b]);
  const ending = podObject(a, { terminating: true });
  const cluster = await startCluster(t, {}, serviceObject(vip), ending, podObject(b));
  assert.deepEqual(await whoAnswers(vip, 4), [b]);
  await cluster.apply(serviceObject(vip), ending);
  assert.deepEqual(await whoAnswers(vip, 4), [a]);
  await cluster.apply(serviceObject(vip), podObject(a, { terminating: true, ready: false }));
  await assertRefused(vip);
});

test('blue and green: the selector is switched', async (t) => {
  await httpPods(t, [a, b]);
  const [blue, green] = [podObject(a, { labels: { color: 'blue' } }), podObject(b, { labels: { color: 'green' } })];
  const service = (color: string) => serviceObject(vip, { selector: { run: 'web', color } });
  const cluster = await startCluster(t, {}, service('blue'), blue, green);
  assert.deepEqual(await whoAnswers(vip, 6), [a]);
  await cluster.apply(service('green'), blue, green);
  assert.deepEqual(await whoAnswers(vip, 12), [b]);
});

test('ClusterIP, NodePort, ExternalName, ClusterIP', async (t) => {
  await httpPods(t, [a]);
  const port = { port: vipPort, targetPort: podPort };
  const clusterIp = serviceObject(vip, { type: 'ClusterIP', ports: [port] });
  const nodePort = serviceObject(vip, { type: 'NodePort', ports: [{ ...port, nodePort: 30_080 }] });
  const external = serviceObject('', { type: 'ExternalName', externalName: 'a.example', clusterIP: undefined });
  const node = { name: 'node-a', addresses: [nodeIp] };
  const cluster = await startCluster(t, { node }, clusterIp, podObject(a));
  assert.equal(await ask(vip), a);
  await assertRefused(nodeIp, { port: 30_080 });
  await cluster.apply(nodePort, podObject(a));
  await until(async () => (await cluster.frontends()).every((each) => each.endsWith('listening')), 'all listen');
  assert.equal(await ask(nodeIp, { port: 30_080 }), a);
  assert.equal(await ask(vip), a);
  await cluster.apply(external, podObject(a));
  await assertRefused(vip);
  await assertRefused(nodeIp, { port: 30_080 });
  await cluster.apply(clusterIp, podObject(a));
  await until(async () => (await cluster.frontends()).every((each) => each.endsWith('listening')), 'it listens');
  assert.equal(await ask(vip), a);
});

test('a node port that is released is free for another service', async (t) => {
  await httpPods(t, [a, b]);
  const ports = [{ port: vipPort, targetPort: podPort, nodePort: 30_081 }];
  const first = serviceObject(vip, { type: 'NodePort', ports });
  const second = serviceObject(address(4), { type: 'NodePort', ports }, { name: 'other' });
  const both = [podObject(a), podObject(b, { run: 'other' })];
  const node = { name: 'node-a', addresses: [nodeIp] };
  const cluster = await startCluster(t, { node, nodePortAddresses: [`${nodeIp}/32`] }, first, ...both);
  assert.equal(await ask(nodeIp, { port: 30_081 }), a);
  await cluster.apply(second, ...both);
  await until(async () => (await ask(nodeIp, { port: 30_081 }).catch(errorCode)) === b, 'the other has the port');
});

test('affinity holds on the cluster IP and on the node port', async (t) => {
  await httpPods(t);
  const ports = [{ port: vipPort, targetPort: podPort, nodePort: 30_082 }];
  const service = (sessionAffinity: string) => serviceObject(vip, { type: 'NodePort', ports, sessionAffinity });
  const all = pods.map((pod) => podObject(pod));
  const cluster = await startCluster(t, { node: { addresses: [nodeIp] } }, service('ClientIP'), ...all);
  const [first] = await askTimes(1, vip);
  assert.deepEqual(await whoAnswers(vip, 15), [first]);
  // 127.0.0.1 is the client of both: the affinity is the service port's, not the frontend's.
  assert.deepEqual(await whoAnswers(nodeIp, 15, { port: 30_082 }), [first]);
  await cluster.apply(service('None'), ...all);
  assert.deepEqual(await whoAnswers(nodeIp, 9, { port: 30_082 }), pods);
  await cluster.apply(service('ClientIP'), ...all);
  assert.equal((await whoAnswers(vip, 15)).length, 1);
});

test('two slices with different ports, and Endpoints without a selector', async (t) => {
  await Promise.all([httpPod(t, a, 8081), httpPod(t, b, 8082), httpPod(t, c)]);
  const service = serviceObject(vip, { selector: undefined });
  const one = sliceObject([{ addresses: [a] }], { ports: [{ name: '', port: 8081 }] });
  const two = sliceObject([{ addresses: [b] }], { name: 'web-2', ports: [{ name: '', port: 8082 }] });
  const endpoints = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'web' },
    subsets: [{ addresses: [{ ip: c }], ports: [{ port: podPort }] }],
  };
  const cluster = await startCluster(t, {}, service, podObject(a), one, two);
  assert.deepEqual(await whoAnswers(vip, 4), [a, b]);
  await cluster.apply(service, podObject(a), endpoints);
  assert.deepEqual(await whoAnswers(vip, 4), [c]);
  await cluster.apply(service, podObject(a));
  await assertRefused(vip);
});

test('internalTrafficPolicy Local, on a node with and without a local pod', async (t) => {
  await httpPods(t, [a, b]);
  const service = serviceObject(vip, { internalTrafficPolicy: 'Local' });
  const [here, there] = [podObject(a, { node: 'node-a' }), podObject(b, { node: 'node-b' })];
  const cluster = await startCluster(t, {}, service, here, there);
  assert.deepEqual(await whoAnswers(vip, 6), [a]);
  await cluster.apply(service, there);
  await assertRefused(vip);
  assert.equal(await total(cluster.program, 'sluice_flows_closed_total', { reason: 'no-local-endpoint' }), 1);
  await cluster.apply(serviceObject(vip), there);
  assert.deepEqual(await whoAnswers(vip, 2), [b]);
});

test('hints for zones: those for this one, all if one has none', async (t) => {
  await httpPods(t);
  const hinted = (pod: string, zone: string) => ({ addresses: [pod], hints: { forZones: [{ name: zone }] } });
  const service = serviceObject(vip, { selector: undefined });
  const slice = sliceObject([hinted(a, 'zone-1'), hinted(b, 'zone-2')]);
  const cluster = await startCluster(t, {}, service, slice);
  assert.deepEqual(await whoAnswers(vip, 6), [a]);
  await cluster.apply(service, sliceObject([hinted(a, 'zone-1'), hinted(b, 'zone-2'), { addresses: [c] }]));
  assert.deepEqual(await whoAnswers(vip, 9), pods);
});

test('loadBalancerSourceRanges: TCP is closed and UDP dropped for clients outside', async (t) => {
  await httpPods(t, [a]);
  await udpPod(t, a);
  const [inside, outside] = [address(200), address(230)];
  const status = { loadBalancer: { ingress: [{ ip: balancerIp }] } };
  const ports = [
    { name: 'tcp', port: vipPort, targetPort: podPort },
    { name: 'udp', port: vipPort, targetPort: podPort, protocol: 'UDP' },
  ];
  const spec = { type: 'LoadBalancer', loadBalancerSourceRanges: [`${inside}/32`], ports };
  const { program } = await startCluster(t, {}, serviceObject(vip, spec, { status }), podObject(a));
  assert.equal(await ask(balancerIp, { from: inside }), a);
  await assertRefused(balancerIp, { from: outside });
  assert.equal(await ask(vip, { from: outside }), a);
  assert.equal(await total(program, 'sluice_flows_closed_total', { reason: 'source-not-allowed' }), 1);

  assert.equal(await (await udpClient(t, balancerIp, inside)).ask('x'), `${a}:x`);
  (await udpClient(t, balancerIp, outside)).send('x');
  const dropped = () => total(program, 'sluice_datagrams_dropped_total', { reason: 'source-not-allowed' });
  await until(async () => (await dropped()) === 1, 'the datagram from outside was dropped');
});

test('loadBalancerSourceRanges are for new flows: established ones go on, as with kube-proxy', async (t) => {
  const echo = createServer((socket) => socket.pipe(socket)).listen(podPort, a);
  t.after(() => echo.close());
  await once(echo, 'listening');
  await udpPod(t, a);
  const [inside, outside] = [address(200), address(230)];
  const status = { loadBalancer: { ingress: [{ ip: balancerIp }] } };
  const ports = [
    { name: 'tcp', port: vipPort, targetPort: podPort },
    { name: 'udp', port: vipPort, targetPort: podPort, protocol: 'UDP' },
  ];
  const service = (range: string) =>
    serviceObject(vip, { type: 'LoadBalancer', loadBalancerSourceRanges: [range], ports }, { status });
  const cluster = await startCluster(t, {}, service(`${inside}/32`), podObject(a));
  const socket = connect({ host: balancerIp, port: vipPort, localAddress: inside });
  t.after(() => socket.destroy());
  const told = async (text: string) => {
    socket.write(text);
    return String((await once(socket, 'data'))[0]);
  };
  assert.equal(await told('before'), 'before');
  const session = await udpClient(t, balancerIp, inside);
  assert.equal(await session.ask('before'), `${a}:before`);

  await cluster.apply(service(`${outside}/32`), podObject(a));
  await assertRefused(balancerIp, { from: inside });
  assert.equal(await told('after'), 'after');
  assert.equal(await session.ask('after'), `${a}:after`);
  (await udpClient(t, balancerIp, inside)).send('new');
  const dropped = () => total(cluster.program, 'sluice_datagrams_dropped_total', { reason: 'source-not-allowed' });
  await until(async () => (await dropped()) === 1, 'a new session is refused');
});

test('healthCheckNodePort follows the local endpoints, and health.listen the process', async (t) => {
  const port = 32_000;
  const service = serviceObject(vip, {
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: port,
  });
  const config = { node: { name: 'node-a', addresses: [nodeIp] }, health: { listen: `${nodeIp}:10256` } };
  const cluster = await startCluster(t, config, service, podObject(a, { node: 'node-a' }));
  const status = async (at: number, path = '/') => {
    const response = await fetch(`http://${nodeIp}:${at}${path}`, { headers: { connection: 'close' } });
    await response.text();
    return [response.status, response.headers.get('x-load-balancing-endpoint-weight')];
  };
  assert.deepEqual(await status(port), [200, '1']);
  await cluster.apply(service, podObject(a, { node: 'node-b' }));
  assert.deepEqual(await status(port), [503, '0']);
  assert.deepEqual(await status(10_256, '/healthz'), [200, null]);
  assert.deepEqual(await status(10_256, '/livez'), [200, null]);
  await cluster.apply(serviceObject(vip), podObject(a));
  await until(async () => (await status(port).catch(() => 'gone')) === 'gone', 'the port is closed');
});

test("another proxy's service is left alone as long as its label says so", async (t) => {
  await httpPods(t, [a]);
  const labels = { 'service.kubernetes.io/service-proxy-name': 'other' };
  const cluster = await startCluster(t, {}, serviceObject(vip), podObject(a));
  assert.equal(await ask(vip), a);
  await cluster.apply(serviceObject(vip, {}, { labels }), podObject(a));
  await assertRefused(vip);
  await cluster.apply(serviceObject(vip), podObject(a));
  await until(async () => (await ask(vip).catch(errorCode)) === a, 'it is served again');
});
