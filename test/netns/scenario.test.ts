import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startProgram } from '../support/program.ts';
import { curlIn, httpPodIn, Network, whatIsMissing } from './network.ts';
import { hasProgram, whoAnswers } from './vip-traffic.ts';
import { type Form, nodeIp, pods, startWebserver, type VipMode, vip } from './webserver.ts';

const missing = ['curl', 'nft'].find((name) => !hasProgram(name));
const skip = whatIsMissing() || (missing === undefined ? false : `the program ${missing} is missing`);

const url = `http://${vip}/`;
const [one, two] = pods;

async function answers(namespace: string, count: number): Promise<string[]> {
  const bodies: string[] = [];
  for (let done = 0; done < count; done += 1) {
    const { status, body } = await curlIn(namespace, url);
    assert.equal(status, 0, `curl ended with ${status}`);
    bodies.push(body);
  }
  return bodies;
}

/** Refused or reset at once: curl 7, 55, 56. An end without an answer would be 52. */
async function assertRefused(namespace: string, at = url): Promise<void> {
  const { status, body, ms } = await curlIn(namespace, at);
  assert.ok([7, 55, 56].includes(status), `curl ended with ${status}`);
  assert.equal(body, '');
  assert.ok(ms < 2_000, `it took ${Math.round(ms)} ms`);
}

const forms: readonly (readonly [Form, VipMode])[] = [
  ['slices', 'listen'],
  ['pods', 'assign'],
  ['api-server', 'redirect'],
];

for (const [form, mode] of forms)
  test(`the scenario with its real addresses, from ${form}, vip.mode ${mode}: two pods, one, none, two`, {
    skip,
  }, async (t) => {
    const { spaces, sluice, show } = await startWebserver(t, form, mode);
    const { node, inside, outside, of } = spaces;
    await Promise.all([one, two].map((pod) => httpPodIn(t, of(pod), pod, 8080)));
    assert.deepEqual(await answers(node, 4), [one, two, one, two]);
    assert.deepEqual(await answers(inside, 4), [one, two, one, two]);
    // The VIP is an address and a port together: on the addresses that the outside knows there is nothing.
    for (const from of [outside, inside, node]) assert.equal(await whoAnswers(from, `http://${nodeIp}/`), 'curl 7');

    await show([two]);
    assert.deepEqual(await answers(inside, 3), [two, two, two]);
    assert.deepEqual(await answers(node, 2), [two, two]);

    await show([]);
    await assertRefused(inside);
    await assertRefused(node);

    await show([one, two]);
    assert.deepEqual((await answers(inside, 4)).sort(), [one, one, two, two]);
    assert.equal(sluice.errors, '');
  });

test('vip.mode redirect: the ClusterIP does not answer a host outside that sends it by way of the node', {
  skip,
}, async (t) => {
  const { spaces } = await startWebserver(t, 'api-server', 'redirect');
  const { node, inside, outside, of } = spaces;
  await Promise.all([one, two].map((pod) => httpPodIn(t, of(pod), pod, 8080)));
  for (const insider of [node, inside]) assert.ok([one, two].includes((await whoAnswers(insider, url)) as typeof one));
  assert.equal(await whoAnswers(outside, url), 'curl 7');
});

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
