import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ActualAddress, ActualIp, IpChange } from '../../src/vip/ip-plan.ts';
import { ipBatchLine, planIp } from '../../src/vip/ip-plan.ts';
import { ip } from '../support/model.ts';

const pool = ['10.96.0.1', '10.96.0.2', '10.96.0.3', 'fd00::1', 'fd00::2'].map(ip);
const networks = ['10.96.0.0/12', '10.200.0.0/16', 'fd00::/108'];

const desiredArb = fc.record({
  interface: fc.constantFrom('lo', 'svc0'),
  addresses: fc.subarray(pool).map((list) => new Set(list)),
  routes: fc.subarray(networks).map((list) => new Set(list)),
});
const addressArb = fc.record({
  address: fc.constantFrom(...pool),
  interface: fc.constantFrom('lo', 'svc0', 'eth0'),
  prefix: fc.constant(32),
  ours: fc.boolean(),
});
/** A kernel has an address once per interface. */
const actualArb = fc.record({
  addresses: fc.uniqueArray(addressArb, { selector: (one) => `${one.address} ${one.interface}`, maxLength: 8 }),
  routes: fc.subarray(networks),
});

/** What the kernel makes of the changes. Throws where it would say no. */
function apply(changes: readonly IpChange[], actual: ActualIp): ActualIp {
  const addresses = [...actual.addresses];
  const routes = new Set(actual.routes);
  for (const change of changes) {
    if (change.kind === 'add-route') assert.ok(!routes.has(change.route) && routes.add(change.route));
    else if (change.kind === 'delete-route') assert.ok(routes.delete(change.route));
    else {
      const { address, interface: name } = change;
      const at = addresses.findIndex((one) => one.address === address && one.interface === name);
      assert.equal(at < 0, change.kind === 'add-address', `${change.kind} ${address} on ${name}`);
      if (at < 0) addresses.push({ address, interface: name, prefix: 32, ours: true });
      else addresses.splice(at, 1);
    }
  }
  return { addresses, routes: [...routes] };
}

const foreign = ({ addresses }: ActualIp) => addresses.filter(({ ours }) => !ours);

test('law: what is applied is what was desired, and nothing is left to do', () => {
  fc.assert(
    fc.property(desiredArb, actualArb, (desired, actual) => {
      const next = apply(planIp(desired, actual), actual);
      const have = new Set(next.addresses.map(({ address }) => address));
      for (const address of desired.addresses) assert.ok(have.has(address), `${address} is missing`);
      for (const one of next.addresses) {
        if (one.ours) assert.ok(desired.addresses.has(one.address) && one.interface === desired.interface);
      }
      assert.deepEqual([...next.routes].sort(), [...desired.routes].sort());
      assert.deepEqual(planIp(desired, next), []);
    }),
  );
});

test('law: what is not ours is never touched', () => {
  fc.assert(
    fc.property(desiredArb, actualArb, (desired, actual) => {
      assert.deepEqual(foreign(apply(planIp(desired, actual), actual)), foreign(actual));
    }),
  );
});

const desired = { interface: 'lo', addresses: new Set([ip('10.96.0.1')]), routes: new Set<string>() };
const at = (name: string, ours: boolean): ActualAddress => ({
  address: ip('10.96.0.1'),
  interface: name,
  prefix: 32,
  ours,
});

const rows: readonly [string, ActualIp, readonly string[]][] = [
  ['an address that is missing is added', { addresses: [], routes: [] }, ['add-address lo']],
  ['one that is there is left', { addresses: [at('lo', true)], routes: [] }, []],
  ["somebody else's is good enough", { addresses: [at('eth0', false)], routes: [] }, []],
  [
    'ours on another interface moves',
    { addresses: [at('svc0', true)], routes: [] },
    ['add-address lo', 'delete-address svc0'],
  ],
];
for (const [name, actual, expected] of rows) {
  test(name, () => {
    const changes = planIp(desired, actual);
    assert.deepEqual(
      changes.map((change) => `${change.kind} ${'interface' in change ? change.interface : ''}`),
      expected,
    );
  });
}

test('lines of ip -batch', () => {
  const lines: readonly [IpChange, string][] = [
    [
      { kind: 'add-address', address: ip('10.96.0.1'), interface: 'lo' },
      'address add 10.96.0.1/32 dev lo metric 377292',
    ],
    [
      { kind: 'add-address', address: ip('fd00::1'), interface: 'lo' },
      'address add fd00::1/128 dev lo metric 377292 nodad',
    ],
    [{ kind: 'delete-address', address: ip('fd00::1'), interface: 'svc0' }, 'address delete fd00::1/128 dev svc0'],
    [{ kind: 'add-route', route: '10.96.0.0/12' }, 'route add local 10.96.0.0/12 dev lo proto 92'],
    [{ kind: 'delete-route', route: 'fd00::/108' }, 'route delete local fd00::/108 dev lo proto 92'],
  ];
  for (const [change, line] of lines) assert.equal(ipBatchLine(change), line);
});
