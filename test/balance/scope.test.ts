import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Balancer } from '../../src/balance/balancer.ts';
import type { Endpoint, Scope, ServicePort } from '../../src/model/snapshot.ts';
import type { Target } from '../../src/model/target.ts';
import { endpoint, servicePort } from '../support/model.ts';

const [a, b, c] = ['10.1.0.1', '10.1.0.2', '10.1.0.3'].map((text) => endpoint(text)) as [Endpoint, Endpoint, Endpoint];
const names = new Map([a, b, c].map(({ key }, index) => [key, 'ABC'[index]]));

function balancerOf(over: Partial<ServicePort>, endpoints: readonly Endpoint[] = [a, b, c]): Balancer {
  return new Balancer({ servicePort: servicePort(endpoints, over), random: () => 0, maxAffinityEntries: 10 });
}

function ask(
  balancer: Balancer,
  scope: Scope,
  { client = 'x', now = 0, tried = undefined as Target[] | undefined } = {},
) {
  const route = balancer.route(client, now, tried, scope);
  return route.kind === 'forward' ? names.get(route.target.endpoint.key) : route.reason;
}

const turn = (balancer: Balancer, scope: Scope, count: number) =>
  Array.from({ length: count }, () => ask(balancer, scope)).join(' ');

test('each scope has its own endpoints, in its own turn', () => {
  const balancer = balancerOf({ eligible: [a, b, c], cluster: [a, b, c], local: [b, c] });
  assert.equal(turn(balancer, 'local', 3), 'B C B');
  assert.equal(turn(balancer, 'cluster', 4), 'A B C A');
  assert.equal(turn(balancer, 'local', 2), 'C B');
});

test('without a word about scopes, all eligible ones are of scope cluster', () => {
  assert.equal(turn(balancerOf({}), 'cluster', 3), 'A B C');
});

const none: readonly (readonly [name: string, over: Partial<ServicePort>, endpoints: Endpoint[], reason: string])[] = [
  ['endpoints elsewhere', { eligible: [], local: [] }, [a], 'no-local-endpoint'],
  [
    'endpoints elsewhere that are for scope cluster',
    { eligible: [a], cluster: [a], local: [] },
    [a],
    'no-local-endpoint',
  ],
  ['no endpoint anywhere', { eligible: [], local: [] }, [], 'no-endpoint'],
  ['none that could serve', { eligible: [], local: [] }, [{ ...a, ready: false }], 'no-endpoint'],
];
for (const [name, over, endpoints, reason] of none)
  test(`nobody here: ${name}`, () => assert.equal(ask(balancerOf(over, endpoints), 'local'), reason));

test('all that are here were tried', () => {
  const balancer = balancerOf({ eligible: [b], local: [b] });
  const tried = [...balancer.targets.values()].filter(({ endpoint: { key } }) => key === b.key);
  assert.equal(ask(balancer, 'local', { tried }), 'connect-failed');
});

test('affinity is of the service port, as far as the scope allows', () => {
  const balancer = balancerOf({ eligible: [a, b, c], cluster: [a, b, c], local: [c], affinityTimeoutMs: 1_000 });
  assert.equal(ask(balancer, 'cluster'), 'A');
  assert.equal(ask(balancer, 'local'), 'C', 'A is not here');
  assert.equal(ask(balancer, 'cluster'), 'C', 'and C is where the client is now');
  assert.equal(balancer.affinityEntries, 1);
});

test('a scope that comes and goes', () => {
  const balancer = balancerOf({});
  assert.equal(ask(balancer, 'local'), 'no-local-endpoint');
  balancer.update(servicePort([a, b, c], { eligible: [b], local: [b] }));
  assert.equal(ask(balancer, 'local'), 'B');
  balancer.update(servicePort([a, b, c]));
  assert.equal(ask(balancer, 'local'), 'no-local-endpoint');
});
