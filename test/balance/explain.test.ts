import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Balancer } from '../../src/balance/balancer.ts';
import { eligibleEndpoints } from '../../src/balance/eligibility.ts';
import type { BalanceExplanation } from '../../src/balance/explain.ts';
import type { SliceEndpoint } from '../../src/model/service.ts';
import { type Policy, policies } from '../../src/model/settings.ts';
import type { Endpoint, Scope, ServicePort } from '../../src/model/snapshot.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { endpoint, servicePort, settingsWith } from '../support/model.ts';

const client = '10.0.0.7';
const place = { name: 'here', zone: 'z1' };

interface Spec {
  readonly affinityMs?: number;
  readonly policy?: Policy;
}

/** Endpoints 127.1.0.1, 127.1.0.2, …, judged from node `here`. */
function port(states: readonly Partial<SliceEndpoint>[], spec: Spec = {}): ServicePort {
  const endpoints = states.map((state, index) => endpoint(`127.1.0.${index + 1}`, state));
  const local = eligibleEndpoints(endpoints, 'local', place);
  const cluster = eligibleEndpoints(endpoints, 'cluster', place);
  return servicePort(endpoints, {
    eligible: endpoints.filter((each) => local.includes(each) || cluster.includes(each)),
    cluster,
    local,
    place,
    settings: settingsWith({ policy: spec.policy ?? 'roundRobin' }),
    ...(spec.affinityMs !== undefined && { affinityTimeoutMs: spec.affinityMs }),
  });
}

function balancerOf(first: ServicePort): Balancer {
  const clock = new FakeClock();
  return new Balancer({ servicePort: first, random: () => clock.random(), maxAffinityEntries: 100 });
}

const numberOf = ({ address }: Endpoint) => Number(address.split('.')[3]);

/** What would come of it, in short: the number of the endpoint and what decided, or the reason. */
function outcomeOf({ outcome }: BalanceExplanation): string {
  if (outcome.kind === 'forward') return `${numberOf(outcome.endpoint)} by ${outcome.by}`;
  if (outcome.kind === 'chance') return `one of ${outcome.among.map(numberOf).join()}`;
  return outcome.reason;
}

const ready = {};
const away = { nodeName: 'there' };
const here = { nodeName: 'here' };
const notReady = { ready: false, serving: false };
const ending = { ready: false, terminating: true };

describe('why an endpoint is left out, and what comes of it', () => {
  const rows: [name: string, states: Partial<SliceEndpoint>[], scope: Scope, leftOut: string, outcome: string][] = [
    ['there is none', [], 'cluster', '', 'no-endpoint'],
    ['all take flows', [ready, ready], 'cluster', '-,-', '1 by policy'],
    ['not ready', [notReady, ready], 'cluster', 'not-ready,-', '2 by policy'],
    ['terminating beside a ready one', [ending, ready], 'cluster', 'terminating,-', '2 by policy'],
    ['only terminating: the last resort', [notReady, ending], 'cluster', 'not-ready,-', '2 by policy'],
    ['weight 0', [{ weight: 0 }], 'cluster', 'weight-zero', 'no-endpoint'],
    ['another node, for everybody', [away, here], 'cluster', '-,-', '1 by policy'],
    ['another node, Local', [away, here], 'local', 'other-node,-', '2 by policy'],
    ['nothing on this node, Local', [away, away], 'local', 'other-node,other-node', 'no-local-endpoint'],
    ['not ready anywhere, Local', [notReady], 'local', 'other-node', 'no-endpoint'],
    [
      'hints for zones',
      [{ forZones: ['z1'] }, { forZones: ['z2'] }],
      'cluster',
      '-,hinted-to-other-zone',
      '1 by policy',
    ],
    [
      'hints for nodes',
      [{ forNodes: ['there'] }, { forNodes: ['here'] }],
      'cluster',
      'hinted-to-other-node,-',
      '2 by policy',
    ],
  ];
  for (const [name, states, scope, leftOut, outcome] of rows) {
    test(name, () => {
      const explained = balancerOf(port(states)).explain(client, 0, scope);
      assert.equal(explained.endpoints.map((each) => each.leftOut ?? '-').join(), leftOut);
      assert.equal(outcomeOf(explained), outcome);
      assert.equal(explained.scope, scope);
    });
  }
});

describe('the turn', () => {
  const rows: [name: string, policy: Policy, states: Partial<SliceEndpoint>[], turn: string | undefined, is: string][] =
    [
      ['round robin', 'roundRobin', [ready, ready, ready], '1,2,3', '1 by policy'],
      ['by weight', 'roundRobin', [{ weight: 3 }, ready], '1,1', '1 by policy'],
      ['no more than four are told', 'roundRobin', Array(9).fill(ready), '1,2,3,4', '1 by policy'],
      ['fewest connections', 'leastConnections', [ready, ready], '1,2', '1 by policy'],
      ['chance', 'random', [ready, ready], undefined, 'one of 1,2'],
      ['chance without a choice', 'powerOfTwo', [ready, notReady], '1', '1 by policy'],
    ];
  for (const [name, policy, states, turn, is] of rows) {
    test(name, () => {
      const explained = balancerOf(port(states, { policy })).explain(client, 0);
      assert.deepEqual([explained.turn?.map(numberOf).join(), explained.policy], [turn, policy]);
      assert.equal(outcomeOf(explained), is);
    });
  }
});

describe('affinity', () => {
  const affinityMs = 60_000;
  const two = port([ready, ready], { affinityMs });

  test('off', () => assert.deepEqual(balancerOf(port([ready])).explain(client, 0).affinity, { kind: 'off' }));

  test('none yet: the turn decides', () => {
    const explained = balancerOf(two).explain(client, 0);
    assert.deepEqual(explained.affinity, { kind: 'none', timeoutMs: affinityMs });
    assert.equal(outcomeOf(explained), '1 by policy');
  });

  test('kept: the entry decides, with its remaining time, and the turn is another one', () => {
    const balancer = balancerOf(two);
    balancer.route(client, 1_000, undefined);
    const explained = balancer.explain(client, 21_000);
    const [first] = two.endpoints;
    assert.deepEqual(explained.affinity, {
      kind: 'kept',
      timeoutMs: affinityMs,
      remainingMs: 40_000,
      endpoint: first,
    });
    assert.equal(outcomeOf(explained), '1 by affinity');
    assert.deepEqual(explained.turn?.map(numberOf), [2, 1]);
  });

  test('expired: as if there were none', () => {
    const balancer = balancerOf(two);
    balancer.route(client, 0, undefined);
    assert.equal(outcomeOf(balancer.explain(client, affinityMs)), '2 by policy');
  });

  test('left out: the entry is there, its endpoint takes no more', () => {
    const balancer = balancerOf(two);
    balancer.route(client, 0, undefined);
    balancer.update(port([notReady, ready], { affinityMs }));
    const explained = balancer.explain(client, 10_000);
    assert.equal(explained.affinity.kind, 'left-out');
    assert.equal(outcomeOf(explained), '2 by policy');
  });

  test('looking refreshes nothing: the entry expires at its time', () => {
    const balancer = balancerOf(two);
    balancer.route(client, 0, undefined);
    for (let now = 0; now < affinityMs; now += 1_000) balancer.explain(client, now);
    assert.equal(balancer.explain(client, affinityMs).affinity.kind, 'none');
    const route = balancer.route(client, affinityMs, undefined);
    assert.ok(route.kind === 'forward' && numberOf(route.target.endpoint) === 2);
  });
});

test('looking forgets nothing: an entry that has expired is good again for a longer timeout', () => {
  const balancer = balancerOf(port([ready, ready], { affinityMs: 1_000 }));
  balancer.route(client, 0, undefined);
  assert.equal(balancer.explain(client, 5_000).affinity.kind, 'none');
  assert.equal(balancer.affinityEntries, 1);
  balancer.update(port([ready, ready], { affinityMs: 60_000 }));
  assert.equal(balancer.explain(client, 5_000).affinity.kind, 'kept');
});

const history = fc.record({
  states: fc.array(
    fc.record({
      ready: fc.boolean(),
      serving: fc.boolean(),
      terminating: fc.boolean(),
      weight: fc.integer({ min: 0, max: 3 }),
      nodeName: fc.constantFrom('here', 'there'),
    }),
    { maxLength: 5 },
  ),
  policy: fc.constantFrom(...policies.filter((policy) => policy !== 'maglev')),
  affinityMs: fc.constantFrom(undefined, 5_000),
  scope: fc.constantFrom<Scope>('cluster', 'local'),
  clients: fc.array(fc.nat(3), { maxLength: 12 }),
});
type History = typeof history extends fc.Arbitrary<infer T> ? T : never;

/** A balancer with a past: one flow of each of these clients, a second after the other. */
function lived({ states, policy, affinityMs, clients, scope }: History, look: (b: Balancer, now: number) => void) {
  const balancer = balancerOf(port(states, { policy, ...(affinityMs !== undefined && { affinityMs }) }));
  const got = clients.map((host, second) => {
    look(balancer, second * 1_000);
    const route = balancer.route(`10.0.0.${host}`, second * 1_000, undefined, scope);
    return route.kind === 'forward' ? numberOf(route.target.endpoint) : route.reason;
  });
  return { balancer, got, now: clients.length * 1_000 };
}

test('law: what is explained is what route then does', () => {
  fc.assert(
    fc.property(history, (past) => {
      const { balancer, now } = lived(past, () => {});
      const { outcome, endpoints } = balancer.explain('10.0.0.1', now, past.scope);
      const route = balancer.route('10.0.0.1', now, undefined, past.scope);
      if (outcome.kind === 'reject') return assert.deepEqual(route, outcome);
      assert.ok(route.kind === 'forward');
      const got = route.target.endpoint;
      if (outcome.kind === 'forward') assert.equal(got.key, outcome.endpoint.key);
      else assert.ok(outcome.among.some(({ key }) => key === got.key));
      assert.equal(endpoints.find((each) => each.endpoint.key === got.key)?.leftOut, undefined);
    }),
  );
});

test('law: who explains all the time and who never does see the same', () => {
  fc.assert(
    fc.property(history, (past) => {
      const looking = lived(past, (balancer, now) => {
        for (let host = 0; host < 4; host += 1) balancer.explain(`10.0.0.${host}`, now, past.scope);
      });
      assert.deepEqual(looking.got, lived(past, () => {}).got);
    }),
  );
});
