import assert from 'node:assert/strict';
import { test } from 'node:test';
import { servicePortNamed } from '../support/live-views.ts';
import { Rig } from './rig.ts';

const vips = ['10.96.0.1'];
const keysOf = (rig: Rig) => Array.from(rig.balancers.values(), ({ servicePort }) => servicePort.name);

test('there is one balancer for each service port, as long as there is the service port', async () => {
  const rig = new Rig();
  await rig.apply({ web: { vips, endpoints: [] }, dns: { vips, endpoints: [], protocol: 'UDP' } });
  assert.deepEqual(keysOf(rig), ['web', 'dns']);
  await rig.apply({ dns: { vips, endpoints: [], protocol: 'UDP' } });
  assert.deepEqual(keysOf(rig), ['dns']);
});

test('a balancer outlives changes, and the turn goes on', async () => {
  const rig = new Rig();
  const first = await rig.apply({ web: { vips, endpoints: ['10.1.0.1', '10.1.0.2', '10.1.0.3'] } });
  const [port] = first.servicePorts.values();
  assert.ok(port);
  const balancer = rig.balancers.of(port);
  const turn = () => {
    const { route } = rig.listener('10.96.0.1').open();
    return route.kind === 'forward' && route.target.endpoint.address;
  };
  assert.deepEqual([turn(), turn()], ['10.1.0.1', '10.1.0.2']);
  const second = await rig.apply({ web: { vips, endpoints: ['10.1.0.1', '10.1.0.3'] } });
  const [changed] = second.servicePorts.values();
  assert.equal(changed && rig.balancers.of(changed), balancer);
  assert.deepEqual([turn(), turn()], ['10.1.0.3', '10.1.0.1']);
});

test('sync tells which targets have left', async () => {
  const rig = new Rig();
  const names = (removed: readonly { readonly endpoint: { readonly address: string } }[]) =>
    removed.map(({ endpoint }) => endpoint.address);
  rig.balancers.sync(rig.snapshot({ web: { vips, endpoints: ['10.1.0.1', '10.1.0.2'] } }));
  const [balancer] = rig.balancers.values();
  const targets = [...(balancer?.targets.values() ?? [])];
  assert.deepEqual(names(rig.balancers.sync(rig.snapshot({ web: { vips, endpoints: ['10.1.0.2'] } }))), ['10.1.0.1']);
  assert.deepEqual(names(rig.balancers.sync(rig.snapshot({}))), ['10.1.0.2']);
  assert.deepEqual(
    targets.map(({ present }) => present),
    [false, false],
  );
});

test('a service port that is not of the snapshot has no balancer: that is a bug', () => {
  assert.throws(() => new Rig().balancers.of(servicePortNamed('web')), /no balancer for default\/web:http\/TCP\/IPv4/);
});
