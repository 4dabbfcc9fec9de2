import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { nodeObject, serviceObject, sliceObject } from '../support/api-objects.ts';
import { ApiServer } from '../support/api-server.ts';
import { kubeconfigOf } from '../support/kubeconfig.ts';
import { address, ask, askTimes, httpPod, podPort, tally, vipPort } from '../support/pods.ts';
import { type Program, startProgram } from '../support/program.ts';
import { samplesOf } from '../support/prometheus-text.ts';
import { until } from '../support/until.ts';
import { untilPods } from './config.ts';

const vip = address(41);
const [a, b, c] = [address(42), address(43), address(44)];
const web = serviceObject('web', vip, { port: vipPort });
const slice = (...pods: string[]) => sliceObject('web', pods, { port: podPort });

async function clusterWith(t: TestContext): Promise<ApiServer> {
  const server = new ApiServer();
  await server.listen();
  t.after(() => server.close());
  await Promise.all([a, b, c].map((pod) => httpPod(t, pod)));
  server.set(web, slice(a, b));
  return server;
}

const config = 'feeds: [{ kubernetes: { kubeconfig: kubeconfig, cacheFile: cache } }]';

function run(t: TestContext, server: ApiServer, more: object = {}): Promise<Program> {
  return startProgram(t, { config, files: { kubeconfig: kubeconfigOf(server.url) }, ...more });
}

async function kubernetesFeed(program: Program) {
  const { status, feeds } = await program.ready();
  const feed = feeds.find(({ name }) => name === 'kubernetes');
  return { status, ...feed };
}

test('services of an API server are served, and endpoints scale 2, 3, 1, 0, 2', async (t) => {
  const server = await clusterWith(t);
  const program = await run(t, server);
  assert.deepEqual(tally(await askTimes(4, vip)), { [a]: 2, [b]: 2 });
  await until(() => server.watches === 2, 'both are watched');
  server.set(slice(a, b, c));
  await untilPods(program, [a, b, c]);
  assert.deepEqual(tally(await askTimes(6, vip)), { [a]: 2, [b]: 2, [c]: 2 });
  server.set(slice(c));
  await untilPods(program, [c]);
  assert.deepEqual(tally(await askTimes(3, vip)), { [c]: 3 });
  server.set(slice());
  await untilPods(program, []);
  await assert.rejects(ask(vip));
  server.set(slice(a, b));
  await untilPods(program, [a, b]);
  assert.deepEqual(tally(await askTimes(4, vip)), { [a]: 2, [b]: 2 });
  server.delete(web);
  await until(async () => (await ask(vip).catch(({ code }) => code)) === 'ECONNREFUSED', 'the service is gone');
});

test('while the API server is away it serves on, and a restart has the cache', async (t) => {
  const server = await clusterWith(t);
  const program = await run(t, server);
  await until(() => existsSync(join(program.folder, 'cache')), 'the cache is written');
  await server.close();
  await until(async () => (await kubernetesFeed(program)).status === 'degraded', 'it is told');
  assert.deepEqual(tally(await askTimes(4, vip)), { [a]: 2, [b]: 2 });
  const { staleSeconds = -1, synced } = await kubernetesFeed(program);
  assert.ok(staleSeconds >= 0 && synced, `stale for ${staleSeconds} s`);
  const [stale] = samplesOf(await program.metrics(), 'sluice_feed_stale_seconds', { feed: 'kubernetes' });
  assert.ok((stale?.value ?? -1) >= 0);
  program.signal('SIGTERM');
  assert.equal((await program.exited()).code, 0);
  await program.start();
  assert.deepEqual(tally(await askTimes(4, vip)), { [a]: 2, [b]: 2 });
  const { status, problems = [] } = await kubernetesFeed(program);
  assert.equal(status, 'degraded');
  assert.ok(problems.some(({ code }) => code === 'KUBERNETES_STALE'));
  await server.listen();
  server.set(slice(c));
  await untilPods(program, [c]);
  await until(async () => (await kubernetesFeed(program)).status === 'ready', 'all is well again');
});

test('node ports are on the primary address of the Node, as it is now', async (t) => {
  const server = await clusterWith(t);
  const nodeAt = (address: string) => nodeObject('n1', 'z', { addresses: [{ type: 'InternalIP', address }] });
  const spec = { type: 'NodePort', ports: [{ port: vipPort, nodePort: 30_791, protocol: 'TCP' }] };
  server.set(serviceObject('web', vip, { spec }), nodeAt('127.0.0.1'));
  const program = await startProgram(t, {
    config: 'nodePortAddresses: [primary]\nfeeds: [{ kubernetes: { kubeconfig: kubeconfig, nodeName: n1 } }]',
    files: { kubeconfig: kubeconfigOf(server.url) },
  });
  const vips = async () =>
    (await program.services()).servicePorts.flatMap(({ frontends }) => frontends.map((each) => each.vip));
  assert.deepEqual(await vips(), [`${vip}:${vipPort}`, '127.0.0.1:30791']);
  server.set(nodeAt('192.0.2.1'));
  await until(async () => (await vips()).length === 1, 'that address is not here');
  await program.line(({ code }) => code === 'TABLE_NODE_ADDRESS', 'it is told');
  server.set(nodeAt('127.0.0.1'));
  await until(async () => (await vips()).length === 2, 'it is back');
});

test('a frontend that cannot be bound is an Event of its service', async (t) => {
  const server = await clusterWith(t);
  server.set(serviceObject('taken', a, { port: podPort }));
  const program = await run(t, server);
  await until(() => server.events.length > 0, 'there is an event');
  const [event] = server.events;
  assert.equal(event?.reason, 'FrontendBindFailed');
  assert.equal(Reflect.get(event?.involvedObject as object, 'name'), 'taken');
  assert.match(event?.message as string, /EADDRINUSE/);
  assert.equal(await ask(vip).then(() => 'answered'), 'answered', 'the others are served');
  assert.ok(program.isRunning);
});
