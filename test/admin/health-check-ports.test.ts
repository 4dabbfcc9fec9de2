import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { HealthCheckPorts, healthCheckAnswer } from '../../src/admin/health-check-ports.ts';
import { errorCode } from '../../src/base/errors.ts';
import { serviceKey } from '../../src/model/keys.ts';
import type { HealthCheck } from '../../src/model/snapshot.ts';
import { ip } from '../support/model.ts';
import { address } from '../support/pods.ts';

const host = address(60);

function check(name: string, port: number, localEndpoints: number): HealthCheck {
  return { service: serviceKey('default', name), namespace: 'default', name, port, localEndpoints };
}

function wanted(...checks: HealthCheck[]) {
  return { healthChecks: new Map(checks.map((each) => [each.service, each])), nodePortAddresses: [ip(host)] };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const bound = server.address();
  server.close();
  await once(server, 'close');
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}

function ports(t: TestContext) {
  const state = { isHealthy: true, failures: [] as string[] };
  const failed = ({ name }: HealthCheck, _at: string, error: unknown) =>
    state.failures.push(`${name} ${errorCode(error)}`);
  const all = new HealthCheckPorts({ isHealthy: () => state.isHealthy, failed });
  t.after(() => all.close());
  return { all, state };
}

async function ask(port: number, path = '/'): Promise<{ status: number; weight: string | null; body: unknown }> {
  const response = await fetch(`http://${host}:${port}${path}`, { headers: { connection: 'close' } });
  const weight = response.headers.get('x-load-balancing-endpoint-weight');
  return { status: response.status, weight, body: await response.json() };
}

const rows: readonly (readonly [name: string, endpoints: number, isHealthy: boolean, status: number])[] = [
  ['endpoints and healthy', 2, true, 200],
  ['no endpoint here', 0, true, 503],
  ['endpoints, and the proxy is not healthy', 1, false, 503],
];
for (const [name, endpoints, isHealthy, status] of rows) {
  test(`health check port: ${name}`, () => {
    const answer = healthCheckAnswer(check('web', 1, endpoints), isHealthy);
    assert.equal(answer.status, status);
    assert.equal(answer.headers['x-load-balancing-endpoint-weight'], String(endpoints));
    assert.deepEqual(JSON.parse(answer.body as string), {
      service: { namespace: 'default', name: 'web' },
      localEndpoints: endpoints,
      serviceProxyHealthy: isHealthy,
    });
  });
}

test('a health check port follows its service: any path, 200, 503, gone', async (t) => {
  const { all, state } = ports(t);
  const port = await freePort();
  await all.sync(wanted(check('web', port, 2)));
  assert.deepEqual(await ask(port, '/any/path?x'), {
    status: 200,
    weight: '2',
    body: { service: { namespace: 'default', name: 'web' }, localEndpoints: 2, serviceProxyHealthy: true },
  });
  await all.sync(wanted(check('web', port, 0)));
  assert.equal((await ask(port)).status, 503);
  await all.sync(wanted(check('web', port, 1)));
  state.isHealthy = false;
  assert.equal((await ask(port)).status, 503);
  await all.sync(wanted());
  await assert.rejects(ask(port));
  assert.deepEqual(state.failures, []);
});

test('a health check port passes to another service', async (t) => {
  const { all } = ports(t);
  const port = await freePort();
  await all.sync(wanted(check('web', port, 1)));
  await all.sync(wanted(check('other', port, 1)));
  const { body } = await ask(port);
  assert.deepEqual((body as { service: unknown }).service, { namespace: 'default', name: 'other' });
});

test('a health check port that is taken is told, and tried again at the next sync', async (t) => {
  const { all, state } = ports(t);
  const taken = createServer().listen(0, host);
  await once(taken, 'listening');
  const bound = taken.address();
  assert.ok(typeof bound === 'object' && bound !== null);
  await all.sync(wanted(check('web', bound.port, 1)));
  assert.deepEqual(state.failures, ['web EADDRINUSE']);
  taken.close();
  await once(taken, 'close');
  await all.sync(wanted(check('web', bound.port, 1)));
  assert.equal((await ask(bound.port)).status, 200);
});
