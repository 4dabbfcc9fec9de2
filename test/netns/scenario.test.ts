import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { type Program, startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { curlIn, httpPodIn, Network, whatIsMissing } from './network.ts';

const hasCurl = spawnSync('curl', ['--version']).status === 0;
const skip = whatIsMissing() || (hasCurl ? false : 'curl is missing');

const vip = '10.104.58.143';
const url = `http://${vip}/`;
const pods = ['172.17.0.3', '172.17.0.4'] as const;

interface Scenario {
  readonly node: string;
  readonly client: string;
  readonly sluice: Program;
  /** The manifests, with these pods behind the service. */
  readonly scale: (to: readonly string[]) => Promise<void>;
}

/** How the scenario is written: with slices, as a cluster has them, or with the pods that the service selects. */
type Form = 'slices' | 'pods';
const files: Record<Form, string> = { slices: 'webserver-slices.yaml', pods: 'webserver.yaml' };

/** The manifests without some pods. */
const without: Record<Form, (manifests: string, gone: readonly string[]) => string> = {
  slices: (manifests, gone) => {
    const lines = manifests.split('\n').filter((line) => !gone.some((pod) => line.includes(pod)));
    return lines.join('\n').replace(/endpoints:\n$/, 'endpoints: []\n');
  },
  pods: (manifests, gone) => {
    const objects = manifests.split('---\n').filter((object) => !gone.some((pod) => object.includes(pod)));
    return objects.join('---\n');
  },
};

/** A node with the VIP on its loopback, two pods, and a client that reaches the VIP by way of the node. */
async function scenario(t: TestContext, form: Form): Promise<Scenario> {
  const network = new Network(t, `scenario-${form}`);
  const [node, one, two, client] = ['node', 'pod-1', 'pod-2', 'client'].map((word) => network.add(word)) as [
    string,
    string,
    string,
    string,
  ];
  network.bridge(
    new Map([
      [node, '172.17.0.1/16'],
      [one, `${pods[0]}/16`],
      [two, `${pods[1]}/16`],
      [client, '172.17.0.100/16'],
    ]),
  );
  network.run(node, 'address', 'add', `${vip}/32`, 'dev', 'lo');
  network.run(client, 'route', 'add', `${vip}/32`, 'via', '172.17.0.1');
  await Promise.all([httpPodIn(t, one, pods[0], 8080), httpPodIn(t, two, pods[1], 8080)]);
  const manifests = await readFile(new URL(`../fixtures/${files[form]}`, import.meta.url), 'utf8');
  const sluice = await startProgram(t, {
    config: 'feeds: [{ file: { path: ./webserver.yaml } }]',
    files: { 'webserver.yaml': manifests },
    prefix: ['ip', 'netns', 'exec', node],
  });
  const scale = async (to: readonly string[]) => {
    const gone = pods.filter((pod) => !to.includes(pod));
    await sluice.write('webserver.yaml', without[form](manifests, gone));
    await until(async () => {
      const endpoints = (await sluice.services()).servicePorts.flatMap((port) => port.endpoints);
      return endpoints.map(({ endpoint }) => endpoint).join() === to.map((pod) => `${pod}:8080`).join();
    }, `there are ${to.length} pods`);
  };
  return { node, client, sluice, scale };
}

async function answers(namespace: string, count: number): Promise<string[]> {
  const bodies: string[] = [];
  for (let done = 0; done < count; done += 1) {
    const { status, body } = await curlIn(namespace, url);
    assert.equal(status, 0, `curl ended with ${status}`);
    bodies.push(body);
  }
  return bodies;
}

for (const form of ['slices', 'pods'] as const)
  test(`the scenario with its real addresses, from ${form}: two pods, one, none, two`, { skip }, (t) => play(t, form));

async function play(t: TestContext, form: Form): Promise<void> {
  const { node, client, sluice, scale } = await scenario(t, form);
  assert.deepEqual(await answers(node, 4), [...pods, ...pods]);
  assert.deepEqual(await answers(client, 4), [...pods, ...pods]);

  await scale([pods[1]]);
  assert.deepEqual(await answers(client, 3), [pods[1], pods[1], pods[1]]);
  assert.deepEqual(await answers(node, 2), [pods[1], pods[1]]);

  await scale([]);
  for (const from of [client, node]) {
    const { status, body, ms } = await curlIn(from, url);
    // 7: refused. 56: reset, where the listener stays for the endpoints to come.
    assert.ok([7, 52, 56].includes(status), `curl ended with ${status}`);
    assert.equal(body, '');
    assert.ok(ms < 2_000, `it took ${Math.round(ms)} ms`);
  }

  await scale(pods);
  assert.deepEqual((await answers(client, 4)).sort(), [pods[0], pods[0], pods[1], pods[1]]);
  assert.equal(sluice.errors, '');
}

test('a VIP that is not there yet is bound as soon as it is', { skip }, async (t) => {
  const network = new Network(t, 'later');
  const node = network.add('node');
  await httpPodIn(t, node, '127.0.0.2', 8080);
  const services = `services: [{ name: web, vip: ${vip}, ports: [{ port: 80 }], backends: ["127.0.0.2:8080"] }]`;
  const sluice = await startProgram(t, {
    config: services,
    prefix: ['ip', 'netns', 'exec', node],
    waitForReady: false,
  });
  const line = await sluice.line(({ code }) => code === 'EADDRNOTAVAIL', 'that the VIP is missing');
  assert.match(line.msg, new RegExp(`ip addr add ${vip.replaceAll('.', '\\.')} dev lo`));
  network.run(node, 'address', 'add', `${vip}/32`, 'dev', 'lo');
  await sluice.line(({ msg }) => msg === 'listening', 'that it listens');
  assert.deepEqual(await answers(node, 1), ['127.0.0.2']);
});
