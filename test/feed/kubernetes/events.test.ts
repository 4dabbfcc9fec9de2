import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ApiClient } from '../../../src/feed/kubernetes/api-client.ts';
import { EventWriter } from '../../../src/feed/kubernetes/event-writer.ts';
import { serviceKey } from '../../../src/model/keys.ts';
import { serviceObject } from '../../support/api-objects.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/until.ts';
import { OpenAccess, startFeed, startServer } from './support.ts';

const web = { kind: 'Service', namespace: 'default', name: 'web', uid: 'uid-1' };
const warning = { reason: 'FrontendBindFailed', message: '10.96.0.1:80/TCP cannot be listened on' };
const path = '/api/v1/namespaces/default/events';

async function writing(t: TestContext) {
  const server = await startServer(t);
  const clock = new FakeClock();
  const client = new ApiClient({ access: new OpenAccess(server), clock });
  const writer = new EventWriter({ client, clock, nodeName: 'n1' });
  t.after(() => writer.close());
  return { server, clock, writer };
}

test('an event is what kubectl describe looks for', async (t) => {
  const { server, writer } = await writing(t);
  await writer.write(web, warning);
  const [event] = server.events as Record<string, object>[];
  assert.deepEqual(event?.involvedObject, { apiVersion: 'v1', ...web });
  assert.equal(event?.type, 'Warning');
  assert.equal(event?.reason, 'FrontendBindFailed');
  assert.equal(event?.message, warning.message);
  assert.deepEqual(event?.source, { component: 'sluice', host: 'n1' });
  assert.equal(event?.firstTimestamp, '2026-01-01T00:00:00Z');
  assert.match(Reflect.get(event?.metadata ?? {}, 'name') as string, /^web\.[0-9a-f]+$/);
});

test('the same is not said again for ten minutes', async (t) => {
  const { server, clock, writer } = await writing(t);
  await writer.write(web, warning);
  await writer.write(web, warning);
  clock.advance(599_999);
  await writer.write(web, warning);
  assert.equal(server.events.length, 1);
  await writer.write({ ...web, name: 'other' }, warning);
  clock.advance(1);
  await writer.write(web, warning);
  assert.equal(server.events.length, 3);
});

test('a flood of warnings is 25 events, then one in ten seconds', async (t) => {
  const { server, clock, writer } = await writing(t);
  const flood = async (from: number) => {
    for (let index = from; index < from + 40; index += 1) await writer.write({ ...web, name: `s${index}` }, warning);
  };
  await flood(0);
  assert.equal(server.events.length, 25);
  clock.advance(20_000);
  await flood(100);
  assert.equal(server.events.length, 27);
});

test('where RBAC forbids it, it is tried once, and again after a reload', async (t) => {
  const { server, writer } = await writing(t);
  server.answers.set(path, 403);
  await writer.write(web, warning);
  await writer.write({ ...web, name: 'other' }, warning);
  assert.equal(server.asked(path), 1);
  server.answers.clear();
  writer.reset();
  await writer.write({ ...web, name: 'third' }, warning);
  assert.equal(server.events.length, 1);
});

test('the feed tells of frontends that failed, with the uid of their service, and of nobody else’s', async (t) => {
  const server = await startServer(t);
  server.set(serviceObject('web', '10.96.0.1'));
  const { feed } = await startFeed(t, server);
  feed.warn(serviceKey('default', 'unknown'), warning);
  feed.warn(serviceKey('default', 'web'), warning);
  await until(() => server.events.length === 1, 'it is told');
  assert.equal(Reflect.get(server.events[0]?.involvedObject as object, 'uid'), 'uid-1');
});

test('the feed tells of source ranges that are wrong', async (t) => {
  const server = await startServer(t);
  const spec = { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0/8', 'everybody'] };
  server.set(serviceObject('web', '10.96.0.1', { spec }));
  await startFeed(t, server);
  await until(() => server.events.length === 1, 'it is told');
  assert.equal(server.events[0]?.reason, 'InvalidSourceRange');
  assert.match(server.events[0]?.message as string, /"everybody" is not a network/);
});
