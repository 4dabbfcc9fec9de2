import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { manifests, podObject, serviceObject } from '../integration/cluster.ts';
import { type Program, startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { curlIn, httpPodIn, Network, whatIsMissing } from './network.ts';

/* Traffic policies and source ranges look at who the client is: here the clients are really elsewhere. */

const hasCurl = spawnSync('curl', ['--version']).status === 0;
const skip = whatIsMissing() || (hasCurl ? false : 'curl is missing');

const nodeIp = '172.17.0.1';
const [here, there] = ['172.17.0.3', '172.17.0.4'];
const [client, podClient] = ['172.17.0.100', '172.17.1.100'];
const [externalIp, balancerIp] = ['203.0.113.1', '203.0.113.2'];
const nodePort = 30_080;

const pods = [podObject(here, { node: 'node-a' }), podObject(there, { node: 'node-b' })];
const service = (spec: Readonly<Record<string, unknown>>) =>
  serviceObject(
    '10.96.0.1',
    { type: 'LoadBalancer', externalIPs: [externalIp], ports: [{ port: 80, targetPort: 8080, nodePort }], ...spec },
    { status: { loadBalancer: { ingress: [{ ip: balancerIp }] } } },
  );

interface World {
  readonly sluice: Program;
  readonly namespaces: Readonly<Record<'node' | 'outside' | 'pod', string>>;
}

/** A node that has the external addresses, a pod here and one on another node; clients outside and in a pod here. */
async function world(t: TestContext, word: string, objects: readonly object[]): Promise<World> {
  const network = new Network(t, word);
  const [node, one, two, outside, pod] = ['node', 'pod-1', 'pod-2', 'outside', 'pod-3'].map((name) =>
    network.add(name),
  ) as [string, string, string, string, string];
  network.bridge(
    new Map([
      [node, `${nodeIp}/16`],
      [one, `${here}/16`],
      [two, `${there}/16`],
      [outside, `${client}/16`],
      [pod, `${podClient}/16`],
    ]),
  );
  for (const address of [externalIp, balancerIp, '10.96.0.1']) {
    network.run(node, 'address', 'add', `${address}/32`, 'dev', 'lo');
    for (const from of [outside, pod]) network.run(from, 'route', 'add', `${address}/32`, 'via', nodeIp);
  }
  await Promise.all([httpPodIn(t, one, here, 8080), httpPodIn(t, two, there, 8080)]);
  const sluice = await startProgram(t, {
    config: `
node: { name: node-a, podCIDRs: [172.17.1.0/24] }
nodePortAddresses: [172.17.0.0/16]
feeds: [{ file: { path: ./cluster.yaml } }]`,
    files: { 'cluster.yaml': manifests(objects) },
    prefix: ['ip', 'netns', 'exec', node],
  });
  return { sluice, namespaces: { node, outside, pod } };
}

/** Who answers, of four requests; or the word `nobody`. */
async function who(namespace: string, at: string): Promise<string> {
  const seen = new Set<string>();
  for (let count = 0; count < 4; count += 1) {
    const { status, body } = await curlIn(namespace, `http://${at}/`);
    seen.add(status === 0 ? body : 'nobody');
  }
  return [...seen].sort().join(' ');
}

const both = `${here} ${there}`;

test('externalTrafficPolicy Local: outside gets the pods here, the node and its pods all', { skip }, async (t) => {
  const { sluice, namespaces } = await world(t, 'local', [service({ externalTrafficPolicy: 'Local' }), ...pods]);
  const { node, outside, pod } = namespaces;
  for (const at of [`${nodeIp}:${nodePort}`, externalIp, balancerIp]) {
    assert.equal(await who(outside, at), here, `from outside to ${at}`);
    assert.equal(await who(node, at), both, `from the node to ${at}`);
    assert.equal(await who(pod, at), both, `from a pod here to ${at}`);
  }
  assert.equal(await who(outside, '10.96.0.1'), both, 'the cluster IP has another policy');

  await sluice.write('cluster.yaml', manifests([service({ externalTrafficPolicy: 'Local' }), ...pods.slice(1)]));
  await until(async () => (await who(outside, externalIp)) === 'nobody', 'nobody is left here');
  assert.equal(await who(outside, `${nodeIp}:${nodePort}`), 'nobody');
  assert.equal(await who(node, externalIp), there);

  await sluice.write('cluster.yaml', manifests([service({}), ...pods]));
  await until(async () => (await who(outside, externalIp)) === both, 'the policy is Cluster');
});

test('loadBalancerSourceRanges: for the load-balancer IP and nothing else', { skip }, async (t) => {
  const ranges = { loadBalancerSourceRanges: [`${podClient}/32`] };
  const { namespaces } = await world(t, 'ranges', [service(ranges), ...pods]);
  const { node, outside, pod } = namespaces;
  assert.equal(await who(outside, balancerIp), 'nobody');
  assert.equal(await who(node, balancerIp), 'nobody');
  assert.equal(await who(pod, balancerIp), both);
  for (const at of [`${nodeIp}:${nodePort}`, externalIp, '10.96.0.1']) assert.equal(await who(outside, at), both, at);
});

test('a node port is served on an address as soon as the node has it', { skip }, async (t) => {
  const network = new Network(t, 'address');
  const node = network.add('node');
  await httpPodIn(t, node, '127.0.0.2', 8080);
  const web = serviceObject('127.0.0.3', {
    type: 'NodePort',
    ports: [{ port: 80, targetPort: 8080, nodePort }],
  });
  const sluice = await startProgram(t, {
    config: 'feeds: [{ file: { path: ./cluster.yaml } }]',
    files: { 'cluster.yaml': manifests([web, podObject('127.0.0.2')]) },
    prefix: ['ip', 'netns', 'exec', node],
  });
  const listens = async (address: string) => {
    const { servicePorts } = await sluice.services();
    const all = servicePorts.flatMap(({ frontends }) => frontends);
    return all.some(({ vip, state }) => vip === `${address}:${nodePort}` && state === 'listening');
  };
  assert.equal(await listens('127.0.0.1'), true);
  assert.equal(await listens('192.0.2.10'), false);
  network.run(node, 'address', 'add', '192.0.2.10/32', 'dev', 'lo');
  await until(() => listens('192.0.2.10'), 'the new address has the node port');
  assert.equal(await who(node, `192.0.2.10:${nodePort}`), '127.0.0.2');
});
