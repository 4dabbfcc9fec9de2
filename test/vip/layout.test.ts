import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VipConfig, VipMode } from '../../src/config/vip-schema.ts';
import { AddressSet } from '../../src/model/address-set.ts';
import { frontendKey } from '../../src/model/keys.ts';
import type { Frontend } from '../../src/model/snapshot.ts';
import { type Layout, Layouts, loopbackOf } from '../../src/vip/layout.ts';
import { servicePortNamed } from '../support/live-views.ts';
import { ip } from '../support/model.ts';

const web = servicePortNamed('web');
const other = servicePortNamed('other');

function frontend(address: string, over: Partial<Frontend> = {}): Frontend {
  const { protocol = 'TCP', port = 80 } = over;
  const key = frontendKey(protocol, ip(address), port);
  return { key, protocol, address: ip(address), port, servicePort: web, kind: 'cluster', scope: 'cluster', ...over };
}

function config(mode: VipMode, anyIp: string[] = [], from: string[] = []): VipConfig {
  return { mode, listen: { freeBind: false }, assign: { interface: 'svc0', anyIp }, redirect: { via: 'dnat', from } };
}

function layout(vip: VipConfig, frontends: readonly Frontend[], podCidrs: readonly string[] = []): Layout {
  return new Layouts().layout(vip, { frontends, podCidrs });
}

const placesOf = ({ places }: Layout) =>
  Array.from(places, ([key, { address, port }]) => `${key} at ${address} ${port}`);
const codesOf = ({ problems }: Layout) => problems.map(({ code }) => code);

test('listen: a VIP is listened on itself, and the host is left alone', () => {
  const result = layout(config('listen'), [frontend('10.96.0.1')]);
  assert.deepEqual(placesOf(result), ['10.96.0.1:80/TCP at 10.96.0.1 80']);
  assert.deepEqual([...result.host.addresses, ...result.host.routes, result.host.redirect], [undefined]);
});

test('listen with freeBind: the same places, which need not be there', () => {
  const { places } = layout({ ...config('listen'), listen: { freeBind: true } }, [frontend('10.96.0.1')]);
  assert.deepEqual([...places.values()], [{ protocol: 'TCP', address: '10.96.0.1', port: 80, freeBind: true }]);
});

const assigned: readonly [string, Frontend, readonly string[], readonly string[]][] = [
  ['a ClusterIP', frontend('10.96.0.1'), [], ['10.96.0.1']],
  ['an external IP', frontend('192.0.2.1', { kind: 'external' }), [], ['192.0.2.1']],
  ["a node port: the address is the node's", frontend('10.0.0.1', { kind: 'node-port' }), [], []],
  ['loopback is there already', frontend('127.1.2.3'), [], []],
  ['covered by an AnyIP route', frontend('10.96.0.1'), ['10.96.0.0/12'], []],
  ['IPv6 must be an address, whatever the routes', frontend('fd00::1'), ['fd00::/108'], ['fd00::1']],
];
for (const [name, one, anyIp, expected] of assigned) {
  test(`assign: ${name}`, () => {
    const { host } = layout(config('assign', [...anyIp]), [one]);
    assert.deepEqual([...host.addresses], expected);
    assert.deepEqual([...host.routes], anyIp);
    assert.equal(host.interface, 'svc0');
  });
}

test('loopback: the same address in 127.0.0.0/8, with the same port', () => {
  const result = layout(config('loopback'), [frontend('10.104.58.143'), frontend('127.9.9.9')]);
  assert.deepEqual(placesOf(result), ['10.104.58.143:80/TCP at 127.104.58.143 80', '127.9.9.9:80/TCP at 127.9.9.9 80']);
  assert.equal(loopbackOf(ip('192.168.1.2')), '127.168.1.2');
  assert.equal(result.problems.length, 0);
});

test('loopback: of two VIPs that become one, the first is served', () => {
  const result = layout(config('loopback'), [
    frontend('10.1.2.3'),
    frontend('172.1.2.3', { servicePort: other }),
    frontend('172.1.2.3', { port: 81 }),
    frontend('172.1.2.3', { protocol: 'UDP' }),
  ]);
  assert.deepEqual(codesOf(result), ['VIP_LOOPBACK_COLLISION']);
  assert.equal(result.places.size, 3);
  assert.match(result.problems[0]?.message ?? '', /172\.1\.2\.3:80\/TCP and 10\.1\.2\.3:80\/TCP are both/);
});

test('loopback: IPv6 has one loopback address only', () => {
  const result = layout(config('loopback'), [frontend('fd00::1'), frontend('::1')]);
  assert.deepEqual(codesOf(result), ['VIP_LOOPBACK_FAMILY']);
  assert.deepEqual(placesOf(result), ['[::1]:80/TCP at ::1 80']);
});

const portsOf = (result: Layout) =>
  new Set(Array.from(result.places.values(), ({ address, port }) => `${address} ${port}`));

test('redirect: VIPs of one target share a listener on the relay address', () => {
  const all = [
    frontend('10.96.0.1'),
    frontend('192.0.2.1', { kind: 'external' }),
    frontend('10.0.0.1', { kind: 'node-port', port: 30_080 }),
  ];
  const result = layout(config('redirect'), all);
  assert.equal(portsOf(result).size, 1);
  assert.deepEqual([...result.host.addresses], ['169.254.115.108']);
  const reaches = Array.from(result.host.redirect?.redirections.values() ?? [], ({ reach }) => reach);
  assert.deepEqual(reaches, ['inside', 'everybody', 'everybody']);
});

test('redirect via tproxy: TCP has a socket of its own, which is transparent; UDP has what it had', () => {
  const all = [frontend('10.96.0.1'), frontend('10.96.0.1', { protocol: 'UDP' })];
  const layouts = new Layouts();
  const of = (via: 'dnat' | 'tproxy') =>
    layouts.layout({ ...config('redirect'), redirect: { via, from: [] } }, { frontends: all, podCidrs: [] });
  const [dnat, tproxy] = [of('dnat'), of('tproxy')];
  const [[tcp, udp], [oldTcp, oldUdp]] = [[...tproxy.places.values()], [...dnat.places.values()]];
  assert.equal(tcp?.transparent, true);
  assert.notEqual(tcp?.port, oldTcp?.port);
  assert.deepEqual(udp, oldUdp);
  assert.equal(udp?.transparent, undefined);
  assert.equal(tproxy.host.redirect?.via, 'tproxy');
  assert.notEqual(of('dnat').host, tproxy.host, 'another way is another host');
});

const apart: readonly [string, Frontend][] = [
  ['another service', frontend('10.96.0.2', { servicePort: other })],
  ['traffic policy Local', frontend('10.96.0.2', { scope: 'local' })],
  ['source ranges', frontend('10.96.0.2', { sources: new AddressSet(['10.0.0.0/8']) })],
  ['clients nearby', frontend('10.96.0.2', { nearby: new AddressSet(['10.0.0.0/8']) })],
];
for (const [name, one] of apart) {
  test(`redirect: a listener of its own for ${name}`, () => {
    assert.equal(portsOf(layout(config('redirect'), [frontend('10.96.0.1'), one])).size, 2);
  });
}

test('redirect: a change of source ranges, or of the node, leaves the listener where it is', () => {
  const layouts = new Layouts();
  const portsWith = (range: string) => {
    const set = new AddressSet([range]);
    const all = [frontend('10.96.0.2', { sources: set }), frontend('10.96.0.3', { scope: 'local', nearby: set })];
    return portsOf(layouts.layout(config('redirect'), { frontends: all, podCidrs: [] }));
  };
  const before = portsWith('10.0.0.0/8');
  assert.equal(before.size, 2);
  assert.deepEqual(portsWith('172.16.0.0/12'), before);
});

test("redirect: the node's pods are inside as the configured networks are", () => {
  const { host } = layout(
    config('redirect', [], ['10.9.0.0/16']),
    [frontend('10.96.0.1')],
    ['10.244.0.0/16', '10.9.0.0/16'],
  );
  assert.deepEqual(host.redirect?.from, ['10.244.0.0/16', '10.9.0.0/16']);
});

test('redirect: more listeners than ports are a problem of those that have none', () => {
  const frontends = Array.from({ length: 20_003 }, (_, index) => {
    return frontend(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, {
      servicePort: { ...web, key: `s${index}` as never },
    });
  });
  const result = layout(config('redirect'), frontends);
  assert.equal(result.places.size, 20_000);
  assert.deepEqual([...new Set(codesOf(result))], ['VIP_RELAY_PORTS']);
  assert.equal(result.problems.length, 3);
});

for (const mode of ['assign', 'redirect'] as const) {
  test(`${mode}: the same host is the same object, another one is not`, () => {
    const layouts = new Layouts();
    const of = (list: readonly Frontend[], podCidrs: readonly string[] = []) =>
      layouts.layout(config(mode), { frontends: list, podCidrs }).host;
    const first = of([frontend('10.96.0.1'), frontend('10.96.0.2')]);
    assert.equal(of([frontend('10.96.0.2'), frontend('10.96.0.1')]), first);
    const second = of([frontend('10.96.0.1'), frontend('10.96.0.3')]);
    assert.notEqual(second, first);
    if (mode === 'redirect') {
      assert.notEqual(of([frontend('10.96.0.1'), frontend('10.96.0.3')], ['10.244.0.0/16']), second);
      assert.notEqual(of([frontend('10.96.0.1'), frontend('10.96.0.3', { kind: 'external' })]), second);
    }
    assert.notEqual(of([]), second);
  });
}
