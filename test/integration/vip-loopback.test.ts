import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, httpPod, vipPort } from '../support/pods.ts';
import { startProgram } from '../support/program.ts';
import { a, b, configOf, vip } from './config.ts';

const clusterIp = vip.replace(/^127/, '10');
const twin = vip.replace(/^127/, '172');

test('vip.mode loopback: a ClusterIP is served on loopback, without privileges', async (t) => {
  await Promise.all([a, b].map((pod) => httpPod(t, pod)));
  const services = [
    { vip: clusterIp, backends: [a] },
    { name: 'twin', vip: twin, backends: [b] },
  ];
  const program = await startProgram(t, { config: configOf(services, { vip: { mode: 'loopback' } }) });
  assert.equal(await ask(vip), a);
  const line = await program.line(({ code }) => code === 'VIP_LOOPBACK_COLLISION', 'that the twin is not served');
  assert.match(
    line.msg,
    new RegExp(`^${twin.replaceAll('.', '\\.')}:\\d+/TCP and ${clusterIp.replaceAll('.', '\\.')}:`),
  );

  const twinAt = `${twin}:${vipPort}`;
  const { status, vips, frontends } = await program.ready();
  assert.deepEqual([status, vips.problems.map(({ code }) => code)], ['degraded', ['VIP_LOOPBACK_COLLISION']]);
  assert.deepEqual(
    frontends.failed.map(({ vip: at, code }) => [at, code]),
    [[twinAt, 'VIP_UNPLACED']],
  );
  const explained = JSON.parse((await program.get(`/explain?client=127.0.0.1&frontend=${twinAt}`)).body);
  assert.deepEqual(explained.outcome, { kind: 'reject', reason: 'not-listening' });
  assert.match(explained.unplaced, /no place for it with the present vip\.mode/);

  await program.configure(configOf(services.slice(1), { vip: { mode: 'loopback' } }));
  await program.line(
    ({ msg }) => msg.startsWith('solved: ') && msg.includes('VIP_LOOPBACK_COLLISION'),
    'that it is solved',
  );
  assert.equal(await ask(vip), b, 'the listener is the twin now');
  assert.equal((await program.ready()).status, 'ready');
});
