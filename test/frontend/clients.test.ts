import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Balancer } from '../../src/balance/balancer.ts';
import { FlowLoad } from '../../src/frontend/flow-load.ts';
import { FrontendRouter } from '../../src/frontend/router.ts';
import { AddressSet } from '../../src/model/address-set.ts';
import type { Protocol } from '../../src/model/keys.ts';
import type { Frontend } from '../../src/model/snapshot.ts';
import type { Flow } from '../../src/relay/relay.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { frontendOf } from '../support/live-views.ts';
import { endpoint, servicePort } from '../support/model.ts';
import { RecordingObserver } from '../support/record.ts';

/* Who the client is decides whether it is served, and from which endpoints. */

const [here, there] = [endpoint('10.1.0.1'), endpoint('10.1.0.2')];

function routed(over: Partial<Frontend>) {
  const port = servicePort([here, there], { cluster: [there], local: [here] });
  const balancer = new Balancer({ servicePort: port, random: () => 0, maxAffinityEntries: 10 });
  const frontend = { ...frontendOf(port, '203.0.113.1'), ...over };
  const load = new FlowLoad(Number.POSITIVE_INFINITY);
  const observer = new RecordingObserver();
  return { load, observer, router: new FrontendRouter({ frontend, balancer, load, observer, clock: new FakeClock() }) };
}

function newFlow(clientAddress: string, protocol: Protocol = 'TCP'): Flow {
  return { protocol, clientAddress, clientPort: 1, tried: undefined, frontend: undefined, lease: undefined };
}

function outcome(over: Partial<Frontend>, client: string): string {
  const route = routed(over).router.route(newFlow(client));
  if (route.kind === 'reject') return route.reason;
  return route.target.endpoint === here ? 'local' : 'cluster';
}

const nearby = new AddressSet(['127.0.0.0/8', '192.0.2.10', '10.244.1.0/24']);
const sources = new AddressSet(['198.51.100.0/24']);

const rows: readonly (readonly [name: string, over: Partial<Frontend>, client: string, gets: string])[] = [
  ['scope cluster', {}, '198.51.100.7', 'cluster'],
  ['scope local, without a word about who is near', { scope: 'local' }, '192.0.2.10', 'local'],
  ['scope local, from outside', { scope: 'local', nearby }, '198.51.100.7', 'local'],
  ['scope local, from an address of this node', { scope: 'local', nearby }, '192.0.2.10', 'cluster'],
  ['scope local, from a pod of this node', { scope: 'local', nearby }, '10.244.1.9', 'cluster'],
  ['scope local, from a pod of another node', { scope: 'local', nearby }, '10.244.2.9', 'local'],
  ['scope local, from the VIP itself', { scope: 'local', nearby }, '203.0.113.1', 'cluster'],
  ['inside the source ranges', { sources }, '198.51.100.7', 'cluster'],
  ['outside the source ranges', { sources }, '192.0.2.10', 'source-not-allowed'],
  ['this node, outside the source ranges', { scope: 'local', nearby, sources }, '192.0.2.10', 'source-not-allowed'],
];
for (const [name, over, client, gets] of rows)
  test(`a client: ${name}`, () => assert.equal(outcome(over, client), gets));

test('a client outside is in the books as any other that was rejected; a datagram of it is not', () => {
  const { load, observer, router } = routed({ sources });
  const flow = newFlow('192.0.2.10');
  router.route(flow);
  assert.deepEqual([load.active, observer.opened], [1, 1]);
  router.route(newFlow('192.0.2.10', 'UDP'));
  assert.deepEqual([load.active, observer.opened], [1, 1]);
});

test('a client is asked for its address only where it matters', () => {
  const { router } = routed({});
  const flow = newFlow('192.0.2.10');
  Object.defineProperty(flow, 'clientAddress', { get: () => assert.fail('asked') });
  assert.equal(router.route(flow).kind, 'forward');
});

test('a retry stays in the scope of its client', () => {
  const { router } = routed({ scope: 'local', nearby });
  const flow = newFlow('198.51.100.7');
  const route = router.route(flow);
  assert.ok(route.kind === 'forward');
  assert.deepEqual(router.connectFailed(flow, route.target, 'connect-refused'), {
    kind: 'reject',
    reason: 'connect-failed',
  });
});
