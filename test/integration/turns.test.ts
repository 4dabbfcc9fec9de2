import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { address, ask, askTimes, httpPod, podPort, tally, vipPort } from '../support/pods.ts';
import { type Program, startProgram } from '../support/program.ts';
import { a, b, c, configOf, manifestsOf, startWithPods, vip } from './config.ts';

const run = promisify(execFile);
const hasCurl = spawnSync('curl', ['--version']).status === 0;

test('curl meets the backends in exact turn', { skip: hasCurl ? false : 'curl is missing' }, async (t) => {
  await startWithPods(t, [{ backends: [a, b, c] }]);
  const answers: string[] = [];
  for (let count = 0; count < 7; count += 1) {
    const { stdout } = await run('curl', ['-s', '--max-time', '10', `http://${vip}:${vipPort}/`]);
    answers.push(stdout);
  }
  assert.deepEqual(answers, [a, b, c, a, b, c, a]);
});

test('the compact configuration and manifests give the same result', async (t) => {
  await Promise.all([a, b].map((pod) => httpPod(t, pod)));
  const other = address(2);
  const compact = await startProgram(t, { config: configOf([{ backends: [a, b] }]) });
  const files = { 'manifests/web.yaml': manifestsOf([a, b], { at: other }) };
  const manifests = await startProgram(t, { config: 'feeds: [{ file: { path: ./manifests } }]', files });
  assert.deepEqual(await askTimes(4, vip), [a, b, a, b]);
  assert.deepEqual(await askTimes(4, other), [a, b, a, b]);
  const shape = async (program: Program) =>
    (await program.services()).servicePorts.map(({ service, policy, family, totals: { opened }, endpoints }) => {
      return {
        service,
        policy,
        family,
        opened,
        endpoints: endpoints.map(({ endpoint, opened }) => ({ endpoint, opened })),
      };
    });
  assert.deepEqual(await shape(manifests), await shape(compact));
});

test("the scenario's own manifests, moved to loopback addresses", async (t) => {
  const text = await readFile(new URL('../fixtures/webserver-slices.yaml', import.meta.url), 'utf8');
  const moved = text
    .replaceAll('10.104.58.143', vip)
    .replaceAll('172.17.0.3', a)
    .replaceAll('172.17.0.4', b)
    .replace('port: 80,', `port: ${vipPort},`);
  await Promise.all([a, b].map((pod) => httpPod(t, pod)));
  await startProgram(t, { config: 'feeds: [{ file: { path: ./scenario.yaml } }]', files: { 'scenario.yaml': moved } });
  assert.deepEqual(await askTimes(5, vip), [a, b, a, b, a]);
});

test('weights are kept in every round, smoothly', async (t) => {
  const backends = [
    { address: a, weight: 3 },
    { address: b, weight: 1 },
    { address: c, weight: 0 },
  ];
  await startWithPods(t, [{ backends }]);
  for (let round = 0; round < 3; round += 1) assert.deepEqual(tally(await askTimes(4, vip)), { [a]: 3, [b]: 1 });
});

test('a backend that refuses costs the others nothing: they share its clients by weight', async (t) => {
  const [balanced, weighted] = [address(1), address(2)];
  await Promise.all([b, c].map((pod) => httpPod(t, pod)));
  await startProgram(t, {
    config: configOf([
      { name: 'balanced', vip: balanced, backends: [a, b, c] },
      { name: 'weighted', vip: weighted, backends: [{ address: a, weight: 5 }, b, { address: c, weight: 2 }] },
    ]),
  });
  // The same as nginx's stream_upstream.t asks of it.
  assert.deepEqual(tally(await askTimes(30, balanced)), { [b]: 15, [c]: 15 });
  assert.deepEqual(tally(await askTimes(24, weighted)), { [b]: 8, [c]: 16 });
});

test('a backend may have a port of its own', async (t) => {
  await httpPod(t, a, podPort + 1);
  await httpPod(t, b);
  await startProgram(t, { config: configOf([{ backends: [`${a}:${podPort + 1}`, b] }]) });
  assert.deepEqual(await askTimes(3, vip), [a, b, a]);
});

test('two VIPs of one service share its turn', async (t) => {
  const other = address(2);
  await Promise.all([a, b].map((pod) => httpPod(t, pod)));
  const ports = [{ port: vipPort, targetPort: podPort }];
  const config = `services: ${JSON.stringify([{ name: 'web', vips: [vip, other], ports, backends: [a, b] }])}`;
  await startProgram(t, { config });
  assert.deepEqual([await ask(vip), await ask(other), await ask(vip), await ask(other)], [a, b, a, b]);
});

test('leastConnections, powerOfTwo and random reach every backend, and only those', async (t) => {
  const policies = ['leastConnections', 'powerOfTwo', 'random'];
  const services = policies.map((policy, index) => {
    return { name: policy.toLowerCase(), vip: address(1 + index), policy, backends: [a, b, c] };
  });
  await startWithPods(t, services);
  for (const service of services) {
    const counts = tally(await askTimes(60, service.vip));
    assert.deepEqual(Object.keys(counts).sort(), [a, b, c], service.policy);
  }
});

test('maglev gives a client the same backend each time, and different clients different ones', async (t) => {
  await startWithPods(t, [{ policy: 'maglev', backends: [a, b, c] }]);
  const homes: string[] = [];
  // The addresses are another network's in each run: that 60 of them miss one of three happens once in 10^10 runs.
  for (let client = 100; client < 160; client += 1) {
    const answers = await askTimes(2, vip, { from: address(client) });
    assert.equal(answers[0], answers[1]);
    homes.push(answers[0] ?? '');
  }
  assert.equal(Object.keys(tally(homes)).length, 3);
});
