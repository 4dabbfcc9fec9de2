import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from '../../src/base/errors.ts';
import { address, ask, httpPod, podPort, udpClient, udpPod, vipPort } from '../support/pods.ts';
import { until } from '../support/until.ts';
import { assertRefused, podObject, serviceObject, startCluster, whoAnswers } from './cluster.ts';

/*
 * Scenarios of Kubernetes' conformance tests that take time, restarts or several clients; services.test.ts has those
 * that are a change and its effect, api-server.test.ts those that are about the API server.
 */

const vip = address(1);
const nodeIp = address(2);
const pods = [address(11), address(12), address(13)] as const;
const [a, b] = pods;
const node = { name: 'node-a', addresses: [nodeIp] };

test('three services of three pods each; one deleted and made again; sluice killed and started again', async (t) => {
  const names = ['web-1', 'web-2', 'web-3'];
  const owned = names.map((name, index) => {
    const own = [1, 2, 3].map((pod) => address(20 + index * 10 + pod));
    const service = serviceObject(address(21 + index * 100), {}, { name });
    return { own, service, at: service.spec.clusterIP, objects: own.map((pod) => podObject(pod, { run: name })) };
  });
  const allPods = owned.flatMap(({ objects }) => objects);
  const allServices = owned.map(({ service }) => service);
  await Promise.all(owned.flatMap(({ own }) => own.map((pod) => httpPod(t, pod, podPort))));
  const cluster = await startCluster(t, {}, ...allServices, ...allPods);
  const assertReached = async (which: typeof owned) => {
    for (const { at, own } of which) assert.deepEqual(await whoAnswers(at, 9), own);
  };
  await assertReached(owned);

  await cluster.apply(...allServices.slice(1), ...allPods);
  await assertRefused(owned[0]?.at ?? '');
  await assertReached(owned.slice(1));
  await cluster.apply(...allServices, ...allPods);
  await until(async () => (await cluster.frontends()).every((each) => each.endsWith('listening')), 'all listen');
  await assertReached(owned);

  await cluster.program.kill();
  for (const { at } of owned) await assertRefused(at);
  await cluster.program.start();
  await assertReached(owned);
});

/** Another host answers than the one before, within ten tries with `timeoutMs` of silence before each. */
async function assertExpires(timeoutMs: number, askOnce: () => Promise<string>): Promise<void> {
  const first = await askOnce();
  for (let count = 0; count < 10; count += 1) {
    // The time itself is what is tested: a question before it is over would begin it anew.
    await delay(timeoutMs);
    if ((await askOnce()) !== first) return;
  }
  assert.fail('the affinity has not expired in ten tries');
}

for (const [where, host, port, from] of [
  ['ClusterIP', vip, vipPort, address(101)],
  ['NodePort', nodeIp, 30_091, address(102)],
] as const)
  test(`affinity, ${where}: 15 requests in a row, switched live, and expired`, async (t) => {
    await Promise.all(pods.map((pod) => httpPod(t, pod)));
    const service = (sessionAffinity: string, timeoutSeconds = 10_800) => {
      const ports = [{ port: vipPort, targetPort: podPort, nodePort: 30_091 }];
      const sessionAffinityConfig = { clientIP: { timeoutSeconds } };
      const sticky = sessionAffinity === 'None' ? { sessionAffinity } : { sessionAffinity, sessionAffinityConfig };
      return serviceObject(vip, { type: 'NodePort', ports, ...sticky });
    };
    const all = pods.map((pod) => podObject(pod));
    const cluster = await startCluster(t, { node }, service('None'), ...all);
    const who = (count: number) => whoAnswers(host, count, { port, from });
    assert.deepEqual(await who(15), pods);
    await cluster.apply(service('ClientIP'), ...all);
    assert.equal((await who(15)).length, 1);
    await cluster.apply(service('None'), ...all);
    assert.deepEqual(await who(15), pods);
    await cluster.apply(service('ClientIP'), ...all);
    assert.equal((await who(15)).length, 1);
    // kube-proxy's userspace mode never expired entries, and ignored a change of the timeout.
    await cluster.apply(service('ClientIP', 1), ...all);
    await assertExpires(1_100, () => ask(host, { port, from }));
  });

for (const [where, host, port] of [
  ['ClusterIP', vip, vipPort],
  ['NodePort', nodeIp, 30_092],
] as const)
  test(`UDP, ${where}: a client that keeps its port follows a backend that is replaced`, async (t) => {
    await Promise.all([udpPod(t, a), udpPod(t, b)]);
    const ports = [{ port: vipPort, targetPort: podPort, protocol: 'UDP', nodePort: 30_092 }];
    const service = serviceObject(vip, { type: 'NodePort', ports });
    const cluster = await startCluster(t, { node }, service);
    const client = await udpClient(t, host, address(250), port);
    let count = 0;
    const ticking = setInterval(() => client.send(`${++count}`), 5);
    t.after(() => clearInterval(ticking));
    const answeredBy = (who: string) => until(() => client.received.at(-1)?.toString().startsWith(who) ?? false, who);
    await until(() => count > 3, 'it has sent before there is anybody');
    // As in conntrack.go: what the client sends while the pod is not ready must not hold it back afterwards.
    await cluster.apply(service, podObject(a, { ready: false }));
    const unready = count;
    await until(() => count > unready + 3, 'it has sent while the pod is not ready');
    assert.equal(client.received.length, 0);
    await cluster.apply(service, podObject(a));
    await answeredBy(a);
    await cluster.apply(service);
    const sent = count;
    await until(() => count > sent + 5, 'it goes on');
    await cluster.apply(service, podObject(b));
    await answeredBy(b);
    client.received.length = 0;
    await cluster.apply(service, podObject(a));
    await answeredBy(a);
    const who = client.received.map((reply) => reply.toString().split(':')[0]);
    assert.deepEqual(who.slice(who.indexOf(a)), who.slice(who.indexOf(a)).fill(a), 'it stays with the new one');
  });

test('a node port is released when its service is deleted', async (t) => {
  await httpPod(t, a);
  const ports = [{ port: vipPort, targetPort: podPort, nodePort: 30_093 }];
  const service = serviceObject(vip, { type: 'NodePort', ports });
  const cluster = await startCluster(t, { node }, service, podObject(a));
  assert.equal(await ask(nodeIp, { port: 30_093 }), a);
  await cluster.apply(podObject(a));
  for (const [at, port] of [
    [nodeIp, 30_093],
    [vip, vipPort],
  ] as const)
    await until(async () => (await ask(at, { port }).catch(errorCode)) === 'ECONNREFUSED', `${at} is released`);
  await httpPod(t, nodeIp, 30_093);
  assert.equal(await ask(nodeIp, { port: 30_093 }), nodeIp, 'whoever wants it has it');
});
