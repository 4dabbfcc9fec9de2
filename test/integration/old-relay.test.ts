import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { listenersAt } from '../support/listeners.ts';
import { ask as askRaw } from '../support/load.ts';
import { address, ask, askConstantly, httpPod, podPort, udpClient, udpPod, vipPort } from '../support/pods.ts';
import { startProgram } from '../support/program.ts';
import { blackhole } from '../support/sockets.ts';
import { podObject, serviceObject, startCluster } from './cluster.ts';
import { configOf } from './config.ts';

/*
 * What kube-proxy's userspace mode got wrong, where no other test shows it: the half-closing client is in
 * faults/streams, the one blackholed endpoint in faults/endpoints, descriptors that run out in faults/descriptors, the
 * affinity that never expired in conformance, a service without endpoints in services.
 */

const [vip, otherVip, nodeIp] = [address(1), address(2), address(3)];
const [a, b] = [address(11), address(12)];

test('all endpoints blackholed, two connections at once: neither waits for the other, and nobody for them', async (t) => {
  const holes = await Promise.all([blackhole(t), blackhole(t)]);
  await httpPod(t, a);
  const services = [
    { backends: holes.map(({ endpoint }) => `${endpoint.address}:${endpoint.port}`) },
    { name: 'good', vip: otherVip, backends: [a] },
  ];
  await startProgram(t, { config: configOf(services, { tcp: { connectTimeout: '1s', connectBudget: '10s' } }) });
  const began = performance.now();
  const order: string[] = [];
  const times = [1, 2].map(async () => {
    const outcome = await askRaw({ host: vip, port: vipPort });
    assert.equal(outcome.kind, 'failed');
    order.push('bad');
    return performance.now() - began;
  });
  assert.equal(await ask(otherVip), a);
  order.push('good');
  const [first = 0, second = 0] = (await Promise.all(times)).sort((one, other) => one - other);
  assert.equal(order[0], 'good');
  // Both endpoints have a second. One connection after the other would be 2 s and 4 s.
  assert.ok(first >= 1_900 && second < 3_900, `${first} ms and ${second} ms`);
});

test('a datagram of 6,000 bytes is whole, both ways', async (t) => {
  await udpPod(t, a, (message, from, socket) => socket.send(message, from.port, from.address));
  await startProgram(t, { config: configOf([{ vip, protocol: 'UDP', backends: [a] }]) });
  const client = await udpClient(t, vip);
  const message = randomBytes(6_000);
  client.send(message);
  assert.ok((await client.next()).equals(message));
});

test('a UDP reply after 600 ms is delivered', async (t) => {
  await udpPod(t, a, (message, from, socket) => {
    setTimeout(() => socket.send(message, from.port, from.address), 600);
  });
  await startProgram(t, { config: configOf([{ vip, protocol: 'UDP', backends: [a] }]) });
  const client = await udpClient(t, vip);
  const began = performance.now();
  assert.equal(await client.ask('late'), 'late');
  assert.ok(performance.now() - began >= 590);
});

const [tcp, udp] = [
  { name: 'tcp', port: vipPort, targetPort: podPort },
  { name: 'udp', port: vipPort, targetPort: podPort, protocol: 'UDP' },
];
const ports = [tcp, udp];
const sticky = { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } };

/** What is changed, one after the other: the fields of the spec, and the rest of the service. */
const changes: Readonly<
  Record<string, Parameters<typeof serviceObject> extends [string, ...infer Rest] ? Rest : never>
> = {
  'session affinity': [{ ports, ...sticky }],
  'its timeout': [{ ports, ...sticky, sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } }],
  'labels and annotations': [{ ports }, { labels: { tier: 'front' } }],
  'names of ports': [
    {
      ports: [
        { ...tcp, name: 'one' },
        { ...udp, name: 'two' },
      ],
    },
  ],
  'target ports': [{ ports: [{ ...tcp, targetPort: podPort + 1 }, udp] }],
  'a further port': [{ ports: [...ports, { name: 'more', port: vipPort + 1, targetPort: podPort }] }],
  'external IPs': [{ ports, externalIPs: [address(4)] }],
  publishNotReadyAddresses: [{ ports, publishNotReadyAddresses: true }],
  'traffic policy': [{ ports, internalTrafficPolicy: 'Local' }],
  'the type, and node ports': [{ type: 'NodePort', ports: ports.map((port) => ({ ...port, nodePort: 30_094 })) }],
  'the selector': [{ ports, selector: { run: 'other' } }],
  'the name': [{ ports }, { name: 'other' }],
  'all of it back': [{ ports }],
};

test('a change of a service leaves its listeners, and nobody notices', async (t) => {
  await Promise.all([httpPod(t, a), httpPod(t, a, podPort + 1), httpPod(t, b), udpPod(t, a), udpPod(t, b)]);
  const pods = [podObject(a, { node: 'node-a' }), podObject(b, { run: 'other' })];
  const node = { name: 'node-a', addresses: [nodeIp] };
  const cluster = await startCluster(t, { node }, serviceObject(vip, { ports }), ...pods);
  const sockets = () => [listenersAt('TCP', vip, vipPort), listenersAt('UDP', vip, vipPort)];
  const before = sockets();
  for (const each of before) assert.ok(each.length > 0);
  const stop = askConstantly(t, vip);
  let step = 0;
  /** A service of its own for each change: some changes make no other snapshot, and nobody could see when they were read. */
  const apply = (service: object) => {
    const seen = serviceObject(otherVip, { ports: [{ port: 9_000 + ++step }] }, { name: 'seen' });
    return cluster.apply(service, seen, ...pods);
  };
  for (const [what, [spec, over]] of Object.entries(changes)) {
    await apply(serviceObject(vip, spec, over));
    assert.deepEqual(sockets(), before, `${what}: other listeners`);
    assert.match(await (await udpClient(t, vip)).ask('x'), /:x$/, what);
  }
  const said = await stop();
  assert.deepEqual([...new Set(said)].sort(), [a, b]);
});
