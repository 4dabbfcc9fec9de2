import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { address, ask, askTimes, tally, udpClient, udpPod } from '../support/pods.ts';
import { startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { a, b, c, configOf, endpointsOf, startWithPods, total, untilPods, vip } from './config.ts';

const sticky = (timeoutSeconds: number) => ({ sessionAffinity: { clientIP: { timeoutSeconds } } });

test('a client stays with its backend, another has its own', async (t) => {
  const program = await startWithPods(t, [{ backends: [a, b, c], ...sticky(600) }]);
  for (const [client, home] of [
    [101, a],
    [102, b],
    [103, c],
  ] as const) {
    assert.deepEqual(tally(await askTimes(5, vip, { from: address(client) })), { [home]: 5 });
  }
  assert.equal(await total(program, 'sluice_affinity_entries'), 3);
});

test('the client of a removed backend goes to another one and stays there', async (t) => {
  const program = await startWithPods(t, [{ backends: [a, b], ...sticky(600) }]);
  assert.equal(await ask(vip), a);
  await program.configure(configOf([{ backends: [b, c], ...sticky(600) }]));
  await untilPods(program, [b, c]);
  const answers = await askTimes(3, vip);
  assert.deepEqual(Object.keys(tally(answers)).length, 1);
  assert.notEqual(answers[0], a);
});

test('after timeoutSeconds without a connection a client is free', async (t) => {
  await startWithPods(t, [{ backends: [a, b], ...sticky(1) }]);
  const home = await ask(vip);
  // The time itself is what is tested: any question before it is over would begin it anew.
  await delay(1_100);
  assert.notEqual(await ask(vip), home);
});

test('affinity is switched on and off on the live service', async (t) => {
  const program = await startWithPods(t, [{ backends: [a, b] }]);
  assert.deepEqual(tally(await askTimes(4, vip)), { [a]: 2, [b]: 2 });
  const affinity = async () => (await program.services()).servicePorts[0]?.affinityTimeoutSeconds;
  await program.configure(configOf([{ backends: [a, b], ...sticky(60) }]));
  await until(async () => (await affinity()) === 60, 'affinity is on');
  assert.equal(Object.keys(tally(await askTimes(4, vip))).length, 1);
  await program.configure(configOf([{ backends: [a, b] }]));
  await until(async () => (await affinity()) === undefined, 'affinity is off');
  assert.deepEqual(tally(await askTimes(4, vip)), { [a]: 2, [b]: 2 });
});

test('UDP sessions of one client address go to one backend', async (t) => {
  await Promise.all([a, b].map((pod) => udpPod(t, pod)));
  const program = await startProgram(t, {
    config: configOf([{ protocol: 'UDP', backends: [a, b], ...sticky(600) }]),
  });
  const replies: string[] = [];
  for (let session = 0; session < 4; session += 1) replies.push(await (await udpClient(t, vip)).ask('x'));
  assert.deepEqual(tally(replies), { [`${a}:x`]: 4 });
  assert.equal(await (await udpClient(t, vip, address(251))).ask('x'), `${b}:x`);
  const opened = (await endpointsOf(program)).map((endpoint) => endpoint.opened);
  assert.deepEqual(opened, [4, 1]);
});
