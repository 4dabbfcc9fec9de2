import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { hostAddresses, NodeWatch } from '../../src/app/node-watch.ts';
import type { NodeView } from '../../src/model/node.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { ip } from '../support/model.ts';

const nothing = { podCidrs: [], nodePortAddresses: [] };

function watching(config: ConstructorParameters<typeof NodeWatch>[0], host: { addresses: string[] }) {
  const clock = new FakeClock();
  const seen: NodeView[] = [];
  const readAddresses = () => host.addresses.map(ip);
  const watch = new NodeWatch(config, { clock, onLook: (node) => seen.push(node), readAddresses });
  return { clock, seen, watch };
}

test('without a word about it, the node is named as the host and has the addresses of its interfaces', () => {
  const { watch } = watching(nothing, { addresses: ['192.0.2.1'] });
  const hostName = hostname().toLowerCase();
  assert.deepEqual(watch.view(), { ...nothing, place: {}, hostName, addresses: ['192.0.2.1'] });
});

test('what is configured counts', () => {
  const config = {
    name: 'node-a',
    zone: 'zone-1',
    addresses: [ip('192.0.2.9')],
    podCidrs: ['10.244.1.0/24'],
    nodePortAddresses: ['192.0.2.0/24'],
  };
  const { watch } = watching(config, { addresses: ['192.0.2.1'] });
  const { name, zone, ...rest } = config;
  assert.deepEqual(watch.view(), { ...rest, place: { name, zone }, hostName: hostname().toLowerCase() });
});

test('primary node port addresses are the first of each family of the configured ones, else what feeds say', () => {
  const addresses = ['192.0.2.9', '192.0.2.8', '2001:db8::9', '2001:db8::8'].map(ip);
  const config = { ...nothing, nodePortAddresses: 'primary' as const };
  assert.deepEqual(watching({ ...config, addresses }, { addresses: [] }).watch.view().nodePortAddresses, [
    '192.0.2.9',
    '2001:db8::9',
  ]);
  assert.equal(watching(config, { addresses: ['192.0.2.1'] }).watch.view().nodePortAddresses, 'primary');
});

test('addresses are looked at again and again, until the end', () => {
  const host = { addresses: ['192.0.2.1'] };
  const { clock, seen, watch } = watching(nothing, host);
  watch.start();
  host.addresses = ['192.0.2.1', '192.0.2.2'];
  clock.advance(5_000);
  watch.configure({ ...nothing, zone: 'zone-1' });
  watch.close();
  clock.advance(60_000);
  assert.deepEqual(
    seen.map(({ addresses, place }) => [addresses.join(), place.zone]),
    [
      ['192.0.2.1', undefined],
      ['192.0.2.1,192.0.2.2', undefined],
      ['192.0.2.1,192.0.2.2', 'zone-1'],
    ],
  );
});

test('the addresses stay what they were while they cannot be read', () => {
  const clock = new FakeClock();
  const seen: NodeView[] = [];
  const noDescriptor = () => {
    throw Object.assign(new Error('uv_interface_addresses returned EMFILE'), { syscall: 'uv_interface_addresses' });
  };
  const answers = [() => [ip('192.0.2.1')], noDescriptor, noDescriptor, () => [ip('192.0.2.2')]];
  const watch = new NodeWatch(nothing, {
    clock,
    onLook: (node) => seen.push(node),
    readAddresses: () => answers.shift()?.() ?? [],
  });
  watch.start();
  for (let look = 0; look < 3; look += 1) clock.advance(5_000);
  watch.close();
  assert.deepEqual(
    seen.map(({ addresses }) => addresses.join()),
    ['192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2'],
  );
});

test('addresses that cannot be read at the start, or because of a bug, are no secret', () => {
  const init = { clock: new FakeClock(), onLook: () => {} };
  const unreadable = Object.assign(new Error('EMFILE'), { syscall: 'uv_interface_addresses' });
  const throws = (error: Error) => () => {
    throw error;
  };
  assert.throws(() => new NodeWatch(nothing, { ...init, readAddresses: throws(unreadable) }).start(), unreadable);
  const bug = new TypeError('a bug');
  const answers = [() => [ip('192.0.2.1')], throws(bug)];
  const watch = new NodeWatch(nothing, { ...init, readAddresses: () => answers.shift()?.() ?? [] });
  watch.start();
  assert.throws(() => watch.view(), bug);
  watch.close();
});

test('a new configuration does not start a watch that was not started', () => {
  const { seen, watch } = watching(nothing, { addresses: [] });
  watch.configure(nothing);
  assert.deepEqual(seen, []);
});

test('this host has its loopback address', () => {
  assert.ok(hostAddresses().includes(ip('127.0.0.1')));
});
