import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Balancer } from '../../src/balance/balancer.ts';
import { eligibleEndpoints } from '../../src/balance/eligibility.ts';
import { endpointKey } from '../../src/model/keys.ts';
import type { SliceEndpoint } from '../../src/model/service.ts';
import type { Policy } from '../../src/model/settings.ts';
import type { ServicePort } from '../../src/model/snapshot.ts';
import type { Target } from '../../src/model/target.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { endpoint, ip, servicePort, settingsWith } from '../support/model.ts';

interface Spec {
  readonly affinityMs?: number;
  readonly policy?: Policy;
}

const addressOf = (letter: string) => `127.1.0.${letter.charCodeAt(0) - 64}`;
const letterOf = (target: Target) => String.fromCharCode(64 + Number(target.endpoint.address.split('.')[3]));

/** A service port with endpoints A, B, …; `states` says what is special about some. */
function port(letters: string, states: Record<string, Partial<SliceEndpoint>> = {}, spec: Spec = {}): ServicePort {
  const endpoints = [...letters].map((letter) => endpoint(addressOf(letter), states[letter]));
  return servicePort(endpoints, {
    eligible: eligibleEndpoints(endpoints),
    settings: settingsWith({ policy: spec.policy ?? 'roundRobin' }),
    ...(spec.affinityMs === undefined ? {} : { affinityTimeoutMs: spec.affinityMs }),
  });
}

function balancerOf(first: ServicePort, maxAffinityEntries = 1_000): Balancer {
  const clock = new FakeClock();
  return new Balancer({ servicePort: first, random: () => clock.random(), maxAffinityEntries });
}

/** The letter of the target that a flow gets, or the reason that it gets none. */
function ask(balancer: Balancer, client = '127.0.0.1', now = 0, tried?: readonly Target[]): string {
  const route = balancer.route(client, now, tried);
  return route.kind === 'forward' ? letterOf(route.target) : route.reason;
}

const turn = (balancer: Balancer, count: number) => Array.from({ length: count }, () => ask(balancer)).join('');

function target(balancer: Balancer, letter: string): Target {
  const found = balancer.targets.get(endpointKey(ip(addressOf(letter)), 8080));
  assert.ok(found, `no target ${letter}`);
  return found;
}

test('no-endpoint: there is none, or none is eligible, tried or not', () => {
  assert.equal(ask(balancerOf(port(''))), 'no-endpoint');
  assert.equal(ask(balancerOf(port('A', { A: { ready: false } }))), 'no-endpoint');
  assert.equal(
    ask(balancerOf({ ...port('A', { A: { weight: 0 } }), eligible: [endpoint(addressOf('A'), { weight: 0 })] })),
    'no-endpoint',
  );
  const balancer = balancerOf(port('A'));
  const tried = [target(balancer, 'A')];
  balancer.update(port(''));
  assert.equal(ask(balancer, '127.0.0.1', 0, tried), 'no-endpoint');
});

test('connect-failed: all were tried', () => {
  const balancer = balancerOf(port('AB'));
  assert.equal(ask(balancer, '127.0.0.1', 0, [target(balancer, 'A')]), 'B');
  assert.equal(ask(balancer, '127.0.0.1', 0, [target(balancer, 'A'), target(balancer, 'B')]), 'connect-failed');
});

test('the route to a target is the same object each time', () => {
  const balancer = balancerOf(port('A'));
  assert.equal(balancer.route('127.0.0.1', 0, undefined), balancer.route('127.0.0.2', 0, undefined));
});

const changes: { name: string; next: ServicePort; goesOn: string }[] = [
  { name: 'the next endpoint goes', next: port('AC'), goesOn: 'CAC' },
  { name: 'the next endpoint is not ready', next: port('ABC', { B: { ready: false } }), goesOn: 'CAC' },
  { name: 'the next endpoint loses its weight', next: port('ABC', { B: { weight: 0 } }), goesOn: 'CAC' },
  { name: 'an endpoint comes', next: port('ABCD'), goesOn: 'BCDA' },
  { name: 'a zone changes', next: port('ABC', { B: { zone: 'z' } }), goesOn: 'BCA' },
  {
    name: 'weights change, all to the same',
    next: port('ABC', { A: { weight: 3 }, B: { weight: 3 }, C: { weight: 3 } }),
    goesOn: 'BCA',
  },
  { name: 'weights change', next: port('ABC', { B: { weight: 2 } }), goesOn: 'BCB' },
  { name: 'another policy goes in turn too', next: port('ABC', {}, { policy: 'leastConnections' }), goesOn: 'BCA' },
  { name: 'affinity comes', next: port('ABC', {}, { affinityMs: 100 }), goesOn: 'BBB' },
];

for (const { name, next, goesOn } of changes) {
  test(`the turn goes on: ${name}`, () => {
    const balancer = balancerOf(port('ABC'));
    assert.equal(turn(balancer, 1), 'A');
    balancer.update(next);
    assert.equal(balancer.servicePort, next);
    assert.equal(turn(balancer, goesOn.length), goesOn);
  });
}

test('the turn goes on after a time without any eligible endpoint', () => {
  const balancer = balancerOf(port('ABC'));
  turn(balancer, 2);
  balancer.update(port('ABC', { A: { ready: false }, B: { ready: false }, C: { ready: false } }));
  assert.equal(ask(balancer), 'no-endpoint');
  balancer.update(port('ABC'));
  assert.equal(turn(balancer, 3), 'CAB');
});

test('a target and its counters stay while its endpoint does, whatever becomes of its conditions', () => {
  const balancer = balancerOf(port('AB'));
  const before = target(balancer, 'A');
  before.stats.opened = 5;
  assert.deepEqual(balancer.update(port('BA', { A: { ready: false } })), []);
  assert.equal(target(balancer, 'A'), before);
  assert.equal(before.endpoint.ready, false);
  assert.equal(before.present, true);
});

test('a removed endpoint is told, marked, kept while it carries flows, and then its counters go to the retired', () => {
  const balancer = balancerOf(port('AB'));
  const removed = target(balancer, 'A');
  Object.assign(removed.stats, {
    active: 1,
    opened: 3,
    closed: 2,
    bytesToEndpoint: 10,
    bytesFromEndpoint: 20,
    datagramsToEndpoint: 1,
    datagramsFromEndpoint: 2,
  });
  assert.deepEqual(balancer.update(port('B')), [removed]);
  assert.equal(removed.present, false);
  // Its last flow goes on, and ends.
  assert.equal(balancer.targets.get(removed.endpoint.key), removed);
  assert.equal(balancer.retired.opened, 0);
  removed.stats.bytesToEndpoint += 90;
  removed.stats.active = 0;
  removed.stats.closed = 3;
  assert.equal(balancer.targets.has(removed.endpoint.key), false);
  assert.equal(balancer.retired.closed, 3);
  assert.equal(balancer.retired.active, 0);
  assert.equal(balancer.retired.bytesToEndpoint, 100);
});

test('an endpoint that comes back while flows hold on to it is the same target', () => {
  const balancer = balancerOf(port('AB'));
  const flapping = target(balancer, 'A');
  flapping.stats.active = 1;
  flapping.stats.opened = 4;
  balancer.update(port('B'));
  balancer.update(port('AB', { A: { zone: 'z' } }));
  assert.equal(target(balancer, 'A'), flapping);
  assert.equal(flapping.present, true);
  assert.equal(flapping.endpoint.zone, 'z');
  assert.equal(balancer.retired.opened, 0);
});

test('an endpoint that comes back after its last flow is a new target; nothing is lost or counted twice', () => {
  const balancer = balancerOf(port('AB'));
  const old = target(balancer, 'A');
  old.stats.opened = 4;
  balancer.update(port('B'));
  balancer.update(port('AB'));
  assert.notEqual(target(balancer, 'A'), old);
  assert.equal(target(balancer, 'A').stats.opened, 0);
  assert.equal(balancer.retired.opened, 4);
  assert.equal(balancer.retired.opened, 4);
});

const sticky = (letters: string, states: Record<string, Partial<SliceEndpoint>> = {}, affinityMs = 100) =>
  port(letters, states, { affinityMs });

test('affinity: a client stays, another is next in turn', () => {
  const balancer = balancerOf(sticky('ABC'));
  assert.equal(ask(balancer, 'c1'), 'A');
  assert.equal(ask(balancer, 'c2'), 'B');
  for (let flow = 0; flow < 15; flow += 1) assert.equal(ask(balancer, 'c1', flow), 'A');
  assert.equal(balancer.affinityEntries, 2);
});

const lostAffinity: { name: string; next: ServicePort; now: number; gets: string }[] = [
  { name: 'nothing happens', next: sticky('ABC'), now: 99, gets: 'A' },
  { name: 'the timeout is over', next: sticky('ABC'), now: 100, gets: 'B' },
  { name: 'the timeout is made shorter', next: sticky('ABC', {}, 50), now: 60, gets: 'B' },
  { name: 'the timeout is made longer', next: sticky('ABC', {}, 500), now: 300, gets: 'A' },
  { name: 'the endpoint goes', next: sticky('BC'), now: 1, gets: 'B' },
  { name: 'the endpoint is not ready', next: sticky('ABC', { A: { ready: false } }), now: 1, gets: 'B' },
  { name: 'another endpoint goes', next: sticky('AC'), now: 1, gets: 'A' },
  { name: 'affinity is switched off', next: port('ABC'), now: 1, gets: 'B' },
  { name: 'the policy changes', next: port('ABC', {}, { affinityMs: 100, policy: 'random' }), now: 1, gets: 'A' },
];

for (const { name, next, now, gets } of lostAffinity) {
  test(`affinity when ${name}`, () => {
    const balancer = balancerOf(sticky('ABC'));
    assert.equal(ask(balancer, 'c1'), 'A');
    balancer.update(next);
    assert.equal(ask(balancer, 'c1', now), gets);
  });
}

test('affinity switched off and on begins anew', () => {
  const balancer = balancerOf(sticky('ABC'));
  ask(balancer, 'c1');
  balancer.update(port('ABC'));
  assert.equal(balancer.affinityEntries, 0);
  balancer.update(sticky('ABC'));
  assert.equal(ask(balancer, 'c1'), 'B');
  assert.equal(ask(balancer, 'c1'), 'B');
});

test('affinity: a client of a removed endpoint is forgotten, even if the endpoint comes back', () => {
  const balancer = balancerOf(sticky('ABC'));
  ask(balancer, 'c1');
  target(balancer, 'A').stats.active = 1;
  balancer.update(sticky('BC'));
  assert.equal(balancer.affinityEntries, 0);
  balancer.update(sticky('ABC'));
  assert.equal(ask(balancer, 'c1'), 'B');
});

test('affinity: a failed dial moves the client, and it stays where it came to', () => {
  const balancer = balancerOf(sticky('ABC'));
  ask(balancer, 'c1');
  const failed = target(balancer, 'A');
  balancer.connectFailed('c1', failed);
  assert.equal(balancer.affinityEntries, 0);
  assert.equal(ask(balancer, 'c1', 1, [failed]), 'B');
  assert.equal(ask(balancer, 'c1', 2), 'B');
});

test('affinity: a retry does not go to the affine target that it has tried', () => {
  const balancer = balancerOf(sticky('AB'));
  ask(balancer, 'c1');
  assert.equal(ask(balancer, 'c1', 1, [target(balancer, 'A')]), 'B');
});

test('affinity: a client whose endpoint was tried and not blamed makes a detour, and stays', () => {
  const balancer = balancerOf(sticky('ABC'));
  ask(balancer, 'c1');
  assert.equal(ask(balancer, 'c1', 1, [target(balancer, 'A')]), 'B');
  assert.equal(ask(balancer, 'c1', 2), 'A');
});

test('affinity: the table is bounded', () => {
  const balancer = balancerOf(sticky('AB'), 10);
  for (let client = 0; client < 100; client += 1) ask(balancer, `c${client}`);
  assert.equal(balancer.affinityEntries, 10);
});

const states = fc.record({
  ready: fc.boolean(),
  serving: fc.boolean(),
  terminating: fc.boolean(),
  weight: fc.nat(2),
});
const world = fc.record({
  letters: fc.subarray(['A', 'B', 'C', 'D']),
  states: fc.record({ A: states, B: states, C: states, D: states }),
  affinity: fc.boolean(),
  policy: fc.constantFrom<Policy>('roundRobin', 'leastConnections', 'powerOfTwo', 'random'),
  flows: fc.array(fc.constantFrom('c1', 'c2', 'c3'), { maxLength: 5 }),
});

/** Takes flows as they come, and checks each against what the service port says. */
class Witness {
  readonly balancer = balancerOf(port(''));
  opened = 0;
  #homes = new Map<string, Target>();

  update(next: ServicePort): void {
    const gone = this.balancer.update(next);
    const sticks = next.affinityTimeoutMs !== undefined;
    this.#homes = new Map([...this.#homes].filter(([, home]) => sticks && !gone.includes(home)));
  }

  flow(client: string): void {
    const { eligible, affinityTimeoutMs } = this.balancer.servicePort;
    const route = this.balancer.route(client, 0, undefined);
    if (route.kind === 'reject') {
      assert.deepEqual([route.reason, eligible.length], ['no-endpoint', 0]);
      return;
    }
    const isEligible = ({ endpoint: { key } }: Target) => eligible.some((each) => each.key === key);
    assert.ok(isEligible(route.target));
    assert.equal(this.balancer.targets.get(route.target.endpoint.key), route.target);
    const home = this.#homes.get(client);
    if (home !== undefined && isEligible(home)) assert.equal(route.target, home);
    if (affinityTimeoutMs !== undefined) this.#homes.set(client, route.target);
    route.target.stats.opened += 1;
    this.opened += 1;
  }
}

test('law: whatever changes, flows go to eligible endpoints, clients stay while they can, and no flow is lost', () => {
  fc.assert(
    fc.property(fc.array(world, { minLength: 1, maxLength: 10 }), (worlds) => {
      const witness = new Witness();
      for (const { letters, states: conditions, affinity, policy, flows } of worlds) {
        witness.update(port(letters.join(''), conditions, { policy, ...(affinity ? { affinityMs: 1_000 } : {}) }));
        for (const client of flows) witness.flow(client);
        const counted = [...witness.balancer.targets.values()].reduce((sum, { stats }) => sum + stats.opened, 0);
        assert.equal(counted + witness.balancer.retired.opened, witness.opened);
      }
    }),
  );
});
