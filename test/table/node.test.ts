import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FeedNode, FeedState } from '../../src/model/feed-state.ts';
import { type NodeView, unknownNode } from '../../src/model/node.ts';
import type { EndpointSlice, Service } from '../../src/model/service.ts';
import { defaultSettings } from '../../src/model/settings.ts';
import { SnapshotBuilder } from '../../src/table/build.ts';
import { nodeInput } from '../../src/table/node.ts';
import { Table } from '../../src/table/table.ts';
import { ip, service, slice, sliceEndpoint } from '../support/model.ts';

const ports = [{ name: 'http', port: 80, protocol: 'TCP', nodePort: 30_080 }] as const;
const view: NodeView = { ...unknownNode, addresses: ['192.0.2.10', '10.96.0.1', '127.0.0.1'].map(ip) };

function fed(place: FeedNode['place'], podCidrs: readonly string[] = [], over: Partial<FeedNode> = {}): FeedState {
  return { services: [], slices: [], node: { place, podCidrs, ...over } };
}

const places: readonly (readonly [name: string, view: Partial<NodeView>, feeds: FeedState[], expected: object])[] = [
  ['nobody says anything', {}, [], {}],
  ['the host has a name', { hostName: 'host' }, [], { name: 'host' }],
  ['a feed knows it', { hostName: 'host' }, [fed({ name: 'a', zone: 'z' })], { name: 'a', zone: 'z' }],
  ['the first feed that knows it', {}, [fed({ name: 'a' }), fed({ name: 'b', zone: 'z' })], { name: 'a', zone: 'z' }],
  ['the configuration knows it', { place: { zone: 'x' } }, [fed({ name: 'a', zone: 'z' })], { name: 'a', zone: 'x' }],
];
for (const [name, over, feeds, expected] of places)
  test(`place: ${name}`, () => assert.deepEqual(nodeInput({ ...view, ...over }, feeds, [], undefined).place, expected));

test('cluster IPs on an interface are not addresses of the node, external and load-balancer IPs may be', () => {
  const services = [
    service('web', ['10.96.0.1'], { externalIps: [ip('192.0.2.10')], loadBalancerIps: [ip('127.0.0.1')] }),
  ];
  assert.deepEqual(nodeInput(view, [], services, undefined).nodePortAddresses, ['192.0.2.10', '127.0.0.1']);
});

const host: NodeView = {
  ...unknownNode,
  addresses: ['192.0.2.10', '192.0.2.11', '198.51.100.7', '2001:db8::1', '127.0.0.1', '::1'].map(ip),
  nodePortAddresses: 'primary',
};
const has = (...addresses: string[]) => fed({}, [], { addresses: addresses.map(ip) });
const primaries: readonly (readonly [name: string, feeds: FeedState[], expected: string[]])[] = [
  ['the first of each family', [has('192.0.2.11', '198.51.100.7', '2001:db8::1')], ['192.0.2.11', '2001:db8::1']],
  ['one family', [has('192.0.2.11', '192.0.2.10')], ['192.0.2.11']],
  ['the first feed that knows any', [fed({}), has(), has('192.0.2.10'), has('192.0.2.11')], ['192.0.2.10']],
  ['only what is on an interface here', [has('203.0.113.9', '2001:db8::1')], ['2001:db8::1']],
  ['no feed knows any', [fed({ name: 'a' })], []],
];
for (const [name, feeds, expected] of primaries)
  test(`primary: ${name}`, () => assert.deepEqual(nodeInput(host, feeds, [], undefined).nodePortAddresses, expected));

test('primary of a node that nobody knows is a problem, if there are node ports', () => {
  const builder = new SnapshotBuilder();
  const web = service('web', ['10.96.0.1'], { ports });
  const build = (services: readonly Service[], node: FeedState) =>
    builder.build({
      feeds: [{ name: 'f', state: { ...node, services } }],
      settings: defaultSettings,
      node: host,
    });
  const codes = (services: readonly Service[], node: FeedState) =>
    build(services, node).problems.map(({ code }) => code);
  assert.deepEqual(codes([service('plain', ['10.96.0.2'])], fed({})), []);
  assert.deepEqual(codes([web], fed({})), ['TABLE_NODE_ADDRESS']);
  assert.deepEqual(codes([web], has('192.0.2.11')), []);
  assert.deepEqual([...builder.snapshot.frontends.keys()], ['10.96.0.1:80/TCP', '192.0.2.11:30080/TCP']);
  assert.deepEqual(codes([web], has('203.0.113.9')), ['TABLE_NODE_ADDRESS']);
  assert.deepEqual([...builder.snapshot.frontends.keys()], ['10.96.0.1:80/TCP']);
});

test('near are the node, its pods as all say, and loopback', () => {
  const { nearby } = nodeInput({ ...view, podCidrs: ['10.1.0.0/24'] }, [fed({}, ['10.2.0.0/24'])], [], undefined);
  const clients = ['192.0.2.10', '10.1.0.9', '10.2.0.9', '127.9.9.9', '::1', '10.3.0.9', '192.0.2.11'];
  assert.deepEqual(
    clients.filter((client) => nearby.has(client)),
    clients.slice(0, 5),
  );
});

test('equal inputs give the same object', () => {
  const first = nodeInput(view, [fed({ name: 'a' })], [], undefined);
  assert.equal(nodeInput({ ...view }, [fed({ name: 'a' })], [], first), first);
  assert.notEqual(nodeInput({ ...view, addresses: [] }, [fed({ name: 'a' })], [], first), first);
});

/* What a change of the node, or of a policy, does to the snapshot: no more than it must. */

function builds() {
  const builder = new SnapshotBuilder();
  return (services: readonly Service[], slices: readonly EndpointSlice[], node: NodeView = view) =>
    builder.build({ feeds: [{ name: 'f', state: { services, slices } }], settings: defaultSettings, node }).snapshot;
}

test('an address of the node that comes and goes is a frontend that comes and goes, and nothing else', () => {
  const build = builds();
  const [web, plain] = [service('web', ['10.96.0.1'], { ports }), service('plain', ['10.96.0.2'])];
  const first = build([web, plain], []);
  const second = build([web, plain], [], { ...view, addresses: [...view.addresses, ip('192.0.2.11')] });
  const added = [...second.frontends.keys()].filter((key) => !first.frontends.has(key));
  assert.deepEqual(added, ['192.0.2.11:30080/TCP']);
  for (const [key, frontend] of first.frontends) assert.equal(second.frontends.get(key), frontend, key);
  for (const [key, servicePort] of first.servicePorts) assert.equal(second.servicePorts.get(key), servicePort, key);
  assert.deepEqual([...build([web, plain], []).frontends.keys()], [...first.frontends.keys()]);
});

test('the same again, from equal objects, is the same snapshot', () => {
  const build = builds();
  const node = { ...view, place: { name: 'a' } };
  const make = () =>
    service('web', ['10.96.0.1'], {
      ports,
      externalTrafficPolicy: 'Local',
      internalTrafficPolicy: 'Local',
      loadBalancerIps: [ip('203.0.113.1')],
      loadBalancerSourceRanges: ['198.51.100.0/24'],
      healthCheckNodePort: 32_000,
    });
  const makeSlice = () =>
    slice('web', 'web', [
      sliceEndpoint('10.0.0.1', { nodeName: 'a', forZones: ['z'], forNodes: ['a', 'b'] }),
      sliceEndpoint('10.0.0.2', { nodeName: 'b', forZones: ['z'], forNodes: ['b'] }),
    ]);
  assert.equal(build([make()], [makeSlice()], node), build([make()], [makeSlice()], { ...node }));
});

const changes: readonly (readonly [name: string, over: Partial<Service>])[] = [
  ['internalTrafficPolicy', { internalTrafficPolicy: 'Local' }],
  ['externalTrafficPolicy', { externalTrafficPolicy: 'Local' }],
  ['loadBalancerSourceRanges', { loadBalancerSourceRanges: ['198.51.100.0/24'] }],
  ['another range', { loadBalancerSourceRanges: ['198.51.101.0/24'] }],
  ['healthCheckNodePort', { healthCheckNodePort: 32_000 }],
  ['the same again', { healthCheckNodePort: 32_001 }],
];
test('a change of any rule is a new snapshot', () => {
  const build = builds();
  const base = { ports, loadBalancerIps: [ip('203.0.113.1')] };
  let before = build([service('web', ['10.96.0.1'], base)], []);
  for (const [name, over] of changes) {
    const after = build([service('web', ['10.96.0.1'], { ...base, ...over })], []);
    assert.equal(after.version, before.version + 1, name);
    before = after;
  }
});

test('hints that change, change the endpoint', () => {
  const build = builds();
  const web = service('web', ['10.96.0.1']);
  const hinted = (forZones: readonly string[]) => [slice('web', 'web', [sliceEndpoint('10.0.0.1', { forZones })])];
  const first = build([web], hinted(['a']));
  assert.equal(build([web], hinted(['a'])), first);
  assert.notEqual(build([web], hinted(['b'])), first);
});

test('traffic from outside with Local, and inside without: both sets, and what either reaches', () => {
  const build = builds();
  const web = service('web', ['10.96.0.1'], { ports, externalTrafficPolicy: 'Local' });
  const endpoints = [
    sliceEndpoint('10.0.0.1', { nodeName: 'a', ready: false, terminating: true }),
    sliceEndpoint('10.0.0.2', { nodeName: 'b' }),
    sliceEndpoint('10.0.0.3', { nodeName: 'b', ready: false }),
  ];
  const { servicePorts } = build([web], [slice('web', 'web', endpoints)], { ...view, place: { name: 'a' } });
  const [port] = servicePorts.values();
  const texts = (list: readonly { address: string }[] | undefined) => list?.map(({ address }) => address);
  assert.deepEqual(texts(port?.cluster), ['10.0.0.2']);
  assert.deepEqual(texts(port?.local), ['10.0.0.1']);
  assert.deepEqual(texts(port?.eligible), ['10.0.0.1', '10.0.0.2']);
});

test('a table publishes what a change of the node changes, and nothing for one that says the same', () => {
  const versions: number[] = [];
  const table = new Table({
    settings: defaultSettings,
    node: view,
    schedule: (task) => task(),
    onSnapshot: ({ version }) => versions.push(version),
  });
  table.feed('f', 0).sync({ services: [service('web', ['10.96.0.9'], { ports })], slices: [] });
  table.open();
  table.updateNode({ ...view, addresses: [...view.addresses] });
  assert.deepEqual(versions, [1]);
  table.updateNode({ ...view, nodePortAddresses: ['192.0.2.0/24'] });
  assert.deepEqual(versions, [1, 2]);
  assert.deepEqual([...table.snapshot.frontends.keys()], ['10.96.0.9:80/TCP', '192.0.2.10:30080/TCP']);
});
