import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { address, ask, askTimes, podPort, vipPort } from '../support/pods.ts';
import { sumOfSamples } from '../support/prometheus-text.ts';
import { until } from '../support/until.ts';
import { a, b, c, configOf, endpointsOf, startWithPods, total, vip } from './config.ts';

test('/services is the live snapshot with its counters', async (t) => {
  const program = await startWithPods(t, [{ backends: [a, { address: b, ready: false }] }]);
  await askTimes(3, vip);
  await until(async () => (await endpointsOf(program))[0]?.closed === 3, 'the connections have ended');
  const { version, servicePorts } = await program.services();
  assert.equal(version, 1);
  const [port] = servicePorts;
  assert.equal(servicePorts.length, 1);
  assert.equal(port?.service, 'web');
  assert.deepEqual(port?.frontends, [{ vip: `${vip}:${vipPort}`, state: 'listening' }]);
  assert.deepEqual([port?.totals.opened, port?.totals.closed, port?.totals.active], [3, 3, 0]);
  const seen = port?.endpoints.map(({ endpoint, eligible, present, opened }) => ({
    endpoint,
    eligible,
    present,
    opened,
  }));
  assert.deepEqual(seen, [
    { endpoint: `${a}:${podPort}`, eligible: true, present: true, opened: 3 },
    { endpoint: `${b}:${podPort}`, eligible: false, present: true, opened: 0 },
  ]);
});

test('/metrics counts what was opened, closed and carried, and names no client', async (t) => {
  const program = await startWithPods(t, [{ backends: [a, b] }]);
  const client = address(200);
  await askTimes(4, vip, { from: client });
  await until(async () => (await total(program, 'sluice_flows_closed_total', { reason: 'closed' })) === 4, 'all ended');
  const families = await program.metrics();
  const labels = { namespace: 'default', service: 'web', protocol: 'TCP' };
  assert.equal(sumOfSamples(families, 'sluice_flows_opened_total', labels), 4);
  assert.equal(sumOfSamples(families, 'sluice_flows_active', labels), 0);
  assert.equal(sumOfSamples(families, 'sluice_connect_seconds_count', labels), 4);
  assert.ok(sumOfSamples(families, 'sluice_from_endpoints_bytes_total', labels) > 4 * a.length);
  for (const pod of [a, b]) {
    assert.equal(sumOfSamples(families, 'sluice_endpoint_flows_opened_total', { endpoint: `${pod}:${podPort}` }), 2);
  }
  const { body } = await program.get('/metrics');
  assert.ok(!body.includes(client), 'a client address in a label');
});

test('health, readiness and what is not there', async (t) => {
  const program = await startWithPods(t, [{ backends: [a] }]);
  for (const path of ['/healthz', '/livez']) {
    const { status, body } = await program.get(path);
    assert.deepEqual([status, JSON.parse(body)], [200, { status: 'ok', updateWaitingMs: 0 }]);
  }
  const ready = await program.ready();
  assert.deepEqual([ready.status, ready.reasons, ready.frontends.listening], ['ready', [], 1]);
  assert.equal((await program.get('/secret')).status, 404);
});

test('the admin server moves when its address is changed, and can be switched off', async (t) => {
  const program = await startWithPods(t, [{ backends: [a] }]);
  const [host, port] = [address(3), 9090];
  const services = configOf([{ backends: [a] }]);
  const get = async (path: string) => {
    const asked = request({ host, port, path, agent: false });
    asked.end();
    const [response] = await once(asked, 'response');
    return text(response);
  };
  await writeFile(join(program.folder, 'sluice.yaml'), `admin: { listen: "${host}:${port}" }\n${services}`);
  await until(async () => (await get('/readyz').catch(() => '')).includes('"ready"'), 'it answers at the new address');
  await assert.rejects(program.get('/readyz'));
  await writeFile(join(program.folder, 'sluice.yaml'), `admin: { listen: off }\n${services}`);
  await until(
    () =>
      get('/readyz').then(
        () => false,
        () => true,
      ),
    'it is off',
  );
  assert.equal(await ask(vip), a);
});

test('an admin address that is taken takes nothing from the traffic', async (t) => {
  const program = await startWithPods(t, [{ backends: [c] }]);
  // Where the VIP listens already.
  await writeFile(
    join(program.folder, 'sluice.yaml'),
    `admin: { listen: "${vip}:${vipPort}" }\n${configOf([{ backends: [c] }])}`,
  );
  const line = await program.line(({ level, code }) => level === 'error' && code === 'EADDRINUSE', 'it is taken');
  assert.match(line.msg, /admin\.listen/);
  assert.equal(await ask(vip), c);
});
