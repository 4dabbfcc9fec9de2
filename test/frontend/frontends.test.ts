import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frontend } from '../../src/model/snapshot.ts';
import { ip, settingsWith } from '../support/model.ts';
import { Rig, settle } from './rig.ts';

const vip = '10.96.0.1';
const [a, b] = ['10.1.0.1', '10.1.0.2'];
const drain = (ms: number) => settingsWith({ endpointDrainTimeoutMs: ms });

test('every VIP:PORT is listened on by itself', async () => {
  const rig = new Rig();
  await rig.apply({ web: { vips: [vip, '10.96.0.2'], endpoints: [a] } });
  const specs = rig.engine.listeners.map(({ spec }) => `${spec.protocol} ${spec.address} ${spec.port}`);
  assert.deepEqual(specs, [`TCP ${vip} 80`, 'TCP 10.96.0.2 80']);
  assert.deepEqual(rig.states, [`${vip}:80/TCP listening`, '10.96.0.2:80/TCP listening']);
});

test('the same snapshot twice changes nothing', async () => {
  const rig = new Rig();
  const snapshot = await rig.apply({ web: { vips: [vip], endpoints: [a, b] } });
  const { carried } = rig.listener(vip).open();
  rig.frontends.reconcile(snapshot);
  rig.frontends.reconcile({ ...snapshot, version: 2 });
  assert.equal(rig.engine.tries, 1);
  assert.equal(rig.states.length, 1);
  assert.equal(rig.listener(vip).stops, 0);
  assert.ok(carried && rig.listener(vip).carried.has(carried));
  assert.equal(rig.clock.pending, 0);
});

test('a change of endpoints, policy or settings never closes a listener', async () => {
  const rig = new Rig();
  const changes = [
    await rig.apply({ web: { vips: [vip], endpoints: [a] } }),
    await rig.apply({ web: { vips: [vip], endpoints: [a, b] } }),
    await rig.apply({ web: { vips: [vip], endpoints: [] } }),
    await rig.apply({ web: { vips: [vip], endpoints: [b], over: { settings: { policy: 'random' } } } }),
    await rig.apply({ web: { vips: [vip], endpoints: [b], over: { affinityTimeoutMs: 1_000 } } }),
    await rig.apply({ web: { vips: [vip], endpoints: [b] } }, settingsWith({ maxFlowsPerFrontend: 3 })),
  ];
  assert.equal(new Set(changes).size, changes.length, 'each is a change');
  assert.equal(rig.engine.tries, 1);
  assert.equal(rig.listener(vip).stops, 0);
  assert.equal(rig.listener(vip).router.settings.maxFlowsPerFrontend, 3);
});

test('a new flow meets the newest endpoints', async () => {
  const rig = new Rig();
  await rig.apply({ web: { vips: [vip], endpoints: [] } });
  assert.deepEqual(rig.listener(vip).open().route, { kind: 'reject', reason: 'no-endpoint' });
  await rig.apply({ web: { vips: [vip], endpoints: [a] } });
  const { route } = rig.listener(vip).open();
  assert.equal(route.kind === 'forward' && route.target.endpoint.address, a);
});

test('a VIP:PORT that passes to another service keeps its listener, and its TCP connections', async () => {
  const rig = new Rig();
  await rig.apply({ old: { vips: [vip], endpoints: [a] } });
  const { carried } = rig.listener(vip).open();
  await rig.apply({ new: { vips: [vip], endpoints: [b] } });
  assert.equal(rig.engine.tries, 1);
  assert.equal(rig.listener(vip).stops, 0);
  assert.ok(carried && rig.listener(vip).carried.has(carried));
  const { route } = rig.listener(vip).open();
  assert.equal(route.kind === 'forward' && route.target.endpoint.address, b);
});

test('a VIP:PORT that passes to another service ends its UDP sessions', async () => {
  const rig = new Rig();
  await rig.apply({ old: { vips: [vip], endpoints: [a], protocol: 'UDP' } });
  rig.listener(vip).open();
  await rig.apply({ new: { vips: [vip], endpoints: [b], protocol: 'UDP' } });
  assert.deepEqual(rig.observer.endings, ['frontend-removed']);
  assert.equal(rig.engine.tries, 1);
});

test('the listener of a removed frontend is kept for as long as it has flows, and no longer', async () => {
  const rig = new Rig();
  await rig.apply({ web: { vips: [vip], endpoints: [a] }, other: { vips: ['10.96.0.2'], endpoints: [a] } });
  const [removed, idle] = [rig.listener(vip), rig.listener('10.96.0.2')];
  const { carried } = removed.open();
  await rig.apply({ last: { vips: ['10.96.0.3'], endpoints: [a] } });
  await rig.apply({ last: { vips: ['10.96.0.3'], endpoints: [a, b] } });
  // Who is forgotten is not looked at any more, whatever he carries.
  assert.ok(carried && removed.carried.has(carried));
  idle.carried.add(carried);
  const kept = Array.from(rig.frontends.listeners(), ({ listener }) => listener);
  assert.deepEqual(kept, [rig.listener('10.96.0.3'), removed]);
});

test('UDP sessions of a removed endpoint end at once, the others stay', async () => {
  const rig = new Rig();
  await rig.apply({ dns: { vips: [vip], endpoints: [a, b], protocol: 'UDP' } });
  const flows = [rig.listener(vip).open().carried, rig.listener(vip).open().carried];
  await rig.apply({ dns: { vips: [vip], endpoints: [b], protocol: 'UDP' } });
  assert.deepEqual(rig.observer.endings, ['endpoint-removed']);
  assert.deepEqual(
    [...rig.listener(vip).carried],
    flows.filter((flow) => flow?.target?.endpoint.address === b),
  );
});

test('UDP sessions of an endpoint that no longer serves end at once', async () => {
  const rig = new Rig();
  await rig.apply({ dns: { vips: [vip], endpoints: [a, b], protocol: 'UDP' } });
  rig.listener(vip).open();
  rig.listener(vip).open();
  await rig.apply({ dns: { vips: [vip], endpoints: [`${a}!`, b], protocol: 'UDP' } });
  assert.deepEqual(rig.observer.endings, ['endpoint-removed']);
});

test('UDP sessions of an endpoint that terminates and still serves live on', async () => {
  const rig = new Rig();
  await rig.apply({ dns: { vips: [vip], endpoints: [a, b], protocol: 'UDP' } });
  rig.listener(vip).open();
  rig.listener(vip).open();
  await rig.apply({ dns: { vips: [vip], endpoints: [`${a}~`, b], protocol: 'UDP' } });
  assert.deepEqual(rig.observer.endings, []);
});

test('UDP sessions of an endpoint that is published though it does not serve live on', async () => {
  const rig = new Rig();
  await rig.apply({ dns: { vips: [vip], endpoints: [`${a}?`], protocol: 'UDP' } });
  rig.listener(vip).open();
  await rig.apply({ dns: { vips: [vip], endpoints: [`${a}?`, b], protocol: 'UDP' } });
  assert.deepEqual(rig.observer.endings, []);
});

test('TCP connections outlive their removed endpoint for endpointDrainTimeout', async () => {
  const rig = new Rig();
  await rig.apply({ web: { vips: [vip], endpoints: [a, b] } }, drain(1_000));
  rig.listener(vip).open();
  rig.listener(vip).open();
  await rig.apply({ web: { vips: [vip], endpoints: [b] } }, drain(1_000));
  rig.clock.advance(999);
  assert.deepEqual(rig.observer.endings, []);
  rig.clock.advance(1);
  assert.deepEqual(rig.observer.endings, ['endpoint-removed']);
  assert.equal(rig.listener(vip).size, 1);
});

test('a change before a removal does not shorten the time of the connections', async () => {
  const rig = new Rig();
  await rig.apply({ web: { vips: [vip], endpoints: [a] } }, drain(1_000));
  rig.listener(vip).open();
  await rig.apply({ web: { vips: [vip], endpoints: [a, b] } }, drain(1_000));
  rig.clock.advance(900);
  await rig.apply({ web: { vips: [vip], endpoints: [b] } }, drain(1_000));
  rig.clock.advance(999);
  assert.deepEqual(rig.observer.endings, []);
  rig.clock.advance(1);
  assert.deepEqual(rig.observer.endings, ['endpoint-removed']);
});

test('an endpoint that comes back in time keeps its connections', async () => {
  const rig = new Rig();
  await rig.apply({ web: { vips: [vip], endpoints: [a, b] } }, drain(1_000));
  rig.listener(vip).open();
  await rig.apply({ web: { vips: [vip], endpoints: [b] } }, drain(1_000));
  rig.clock.advance(500);
  await rig.apply({ web: { vips: [vip], endpoints: [a, b] } }, drain(1_000));
  rig.clock.advance(5_000);
  assert.deepEqual(rig.observer.endings, []);
});

test('an endpoint that leaves twice has its whole time the second time', async () => {
  const rig = new Rig();
  const both = { web: { vips: [vip], endpoints: [a, b] } };
  const one = { web: { vips: [vip], endpoints: [b] } };
  await rig.apply(both, drain(1_000));
  rig.listener(vip).open();
  await rig.apply(one, drain(1_000));
  rig.clock.advance(500);
  await rig.apply(both, drain(1_000));
  rig.clock.advance(400);
  await rig.apply(one, drain(1_000));
  rig.clock.advance(999);
  assert.deepEqual(rig.observer.endings, []);
  rig.clock.advance(1);
  assert.deepEqual(rig.observer.endings, ['endpoint-removed']);
});

test('without endpointDrainTimeout connections live as long as they like', async () => {
  const rig = new Rig();
  await rig.apply({ web: { vips: [vip], endpoints: [a] } });
  rig.listener(vip).open();
  await rig.apply({ web: { vips: [vip], endpoints: [] } });
  await rig.apply({});
  rig.clock.advance(1e9);
  assert.deepEqual(rig.observer.endings, []);
  assert.equal(rig.listener(vip).size, 1);
});

test('an endpointDrainTimeout of 0 ends them at once', async () => {
  const rig = new Rig();
  await rig.apply({ web: { vips: [vip], endpoints: [a] } }, drain(0));
  rig.listener(vip).open();
  await rig.apply({ web: { vips: [vip], endpoints: [] } }, drain(0));
  assert.deepEqual(rig.observer.endings, ['endpoint-removed']);
});

test('a removed frontend stops listening; its connections are counted until they end', async () => {
  const rig = new Rig();
  await rig.apply({ web: { vips: [vip], endpoints: [a] } });
  const listener = rig.listener(vip);
  const { carried } = listener.open();
  await rig.apply({});
  await settle();
  assert.equal(listener.stops, 1);
  assert.deepEqual([...rig.frontends.states()], []);
  const left = [...rig.frontends.listeners()].map((each) => [each.protocol, each.frontend.key, each.listener]);
  assert.deepEqual(left, [['TCP', `${vip}:80/TCP`, listener]]);
  assert.ok(carried);
  listener.end(carried);
  assert.deepEqual([...rig.frontends.listeners()], []);
  assert.equal(rig.load.active, 0);
});

test('the connections of a removed frontend end after endpointDrainTimeout', async () => {
  const rig = new Rig();
  await rig.apply({ web: { vips: [vip], endpoints: [a] } }, drain(1_000));
  rig.listener(vip).open();
  await rig.apply({}, drain(1_000));
  rig.clock.advance(999);
  assert.deepEqual(rig.observer.endings, []);
  rig.clock.advance(1);
  assert.deepEqual(rig.observer.endings, ['frontend-removed']);
});

test('the UDP sessions of a removed frontend end at once', async () => {
  const rig = new Rig();
  await rig.apply({ dns: { vips: [vip], endpoints: [a], protocol: 'UDP' } });
  rig.listener(vip).open();
  await rig.apply({});
  assert.deepEqual(rig.observer.endings, ['frontend-removed']);
});

test('a frontend that is removed while it is being bound does not stay bound', async () => {
  const rig = new Rig();
  let open = () => {};
  rig.engine.gate = new Promise((resolve) => {
    open = resolve;
  });
  rig.frontends.reconcile(rig.snapshot({ web: { vips: [vip], endpoints: [a] } }));
  assert.deepEqual(
    Array.from(rig.frontends.states(), ({ state }) => state.kind),
    ['binding'],
  );
  rig.frontends.reconcile(rig.snapshot({}));
  open();
  await settle();
  assert.equal(rig.listener(vip).stops, 1);
  assert.deepEqual([...rig.frontends.listeners()], []);
  assert.deepEqual(rig.states, [], 'nobody is told that it listens');
});

test('a frontend that comes back while its listener is being closed waits for that', async () => {
  const rig = new Rig();
  const web = { web: { vips: [vip], endpoints: [a] } };
  await rig.apply(web);
  let closed = () => {};
  rig.listener(vip).closing = new Promise((resolve) => {
    closed = resolve;
  });
  await rig.apply({});
  rig.frontends.reconcile(rig.snapshot(web));
  await settle();
  assert.equal(rig.engine.tries, 1, 'the place is not free yet');
  closed();
  await rig.frontends.tried();
  assert.equal(rig.engine.tries, 2);
  const listening = `${vip}:80/TCP listening`;
  assert.deepEqual(rig.states, [listening, listening]);

  await rig.apply({});
  await rig.apply(web);
  assert.equal(rig.engine.tries, 3, 'a place that was left long ago is not waited for');
});

test('a frontend that comes back while its listener is being closed, and goes again, is never tried', async () => {
  const rig = new Rig();
  const web = { web: { vips: [vip], endpoints: [a] } };
  await rig.apply(web);
  let closed = () => {};
  rig.listener(vip).closing = new Promise((resolve) => {
    closed = resolve;
  });
  await rig.apply({});
  rig.frontends.reconcile(rig.snapshot(web));
  rig.frontends.reconcile(rig.snapshot({}));
  closed();
  await settle();
  assert.equal(rig.engine.tries, 1);
  await rig.apply(web);
  assert.equal(rig.engine.tries, 2);
});

test('stopAccepting stops TCP and leaves UDP, which answers through the same socket', async () => {
  const rig = new Rig();
  await rig.apply({
    web: { vips: [vip], endpoints: [a] },
    dns: { vips: ['10.96.0.2'], endpoints: [a], protocol: 'UDP' },
  });
  rig.listener(vip).open();
  rig.listener('10.96.0.2').open();
  await rig.frontends.stopAccepting();
  assert.deepEqual([rig.listener(vip).stops, rig.listener('10.96.0.2').stops], [1, 0]);
  assert.equal(rig.load.active, 2);
});

test('close ends every flow, those of removed frontends too', async () => {
  const rig = new Rig();
  await rig.apply({ old: { vips: ['10.96.0.9'], endpoints: [a] }, web: { vips: [vip], endpoints: [a] } });
  rig.listener('10.96.0.9').open();
  rig.listener(vip).open();
  await rig.apply({ web: { vips: [vip], endpoints: [a] } });
  await rig.frontends.close();
  assert.deepEqual(rig.observer.endings, ['shutdown', 'shutdown']);
  assert.equal(rig.listener(vip).stops, 1);
  assert.equal(rig.load.active, 0);
});

test('frontends that are listened on in one place share its listener', async () => {
  const relay = ip('169.254.115.108');
  const bindTo = ({ protocol, address }: Frontend) =>
    address === '10.96.0.9' ? undefined : { protocol, address: relay, port: 10_000 };
  const rig = new Rig({ bindTo });
  await rig.apply({ web: { vips: ['10.96.0.1', '10.96.0.2', '10.96.0.9'], endpoints: ['127.1.0.1'] } });
  assert.equal(rig.engine.listeners.length, 1);
  assert.equal(rig.listener(relay).spec.port, 10_000);
  const keys = () => Array.from(rig.frontends.states(), ({ frontend, state }) => `${frontend.key} ${state.kind}`);
  const expected = ['10.96.0.1:80/TCP listening', '10.96.0.2:80/TCP listening', '10.96.0.9:80/TCP failed'];
  assert.deepEqual(keys(), expected, 'what is listened on nowhere is not forgotten');
  await rig.apply({ web: { vips: ['10.96.0.2', '10.96.0.3'], endpoints: ['127.1.0.1'] } });
  assert.equal(rig.engine.listeners.length, 1, 'the listener stays when the first of its frontends goes');
  assert.equal(rig.listener(relay).stops, 0);
  assert.deepEqual(keys(), ['10.96.0.2:80/TCP listening', '10.96.0.3:80/TCP listening']);
  await rig.apply({});
  assert.equal(rig.listener(relay).stops, 1);
});
