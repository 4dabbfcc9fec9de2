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

test('a new configuration does not start a watch that was not started', () => {
  const { seen, watch } = watching(nothing, { addresses: [] });
  watch.configure(nothing);
  assert.deepEqual(seen, []);
});

test('this host has its loopback address', () => {
  assert.ok(hostAddresses().includes(ip('127.0.0.1')));
});
