import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Balancer } from '../../src/balance/balancer.ts';
import { FlowLoad } from '../../src/frontend/flow-load.ts';
import { FrontendRouter } from '../../src/frontend/router.ts';
import type { Protocol } from '../../src/model/keys.ts';
import { type ConnectFailure, connectFailures, isShortage } from '../../src/model/reason.ts';
import type { ServicePort } from '../../src/model/snapshot.ts';
import type { Target } from '../../src/model/target.ts';
import type { Flow } from '../../src/relay/relay.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { endingOf } from '../support/flows.ts';
import { frontendOf } from '../support/live-views.ts';
import { endpoint, servicePort, settingsWith } from '../support/model.ts';
import { RecordingObserver } from '../support/record.ts';
import { Rig } from './rig.ts';

const endpoints = ['10.1.0.1', '10.1.0.2'].map((text) => endpoint(text));

function routed(over: Partial<ServicePort> = {}, limit = Number.POSITIVE_INFINITY) {
  const port = servicePort(endpoints, over);
  const balancer = new Balancer({ servicePort: port, random: () => 0, maxAffinityEntries: 10 });
  const frontend = frontendOf(port);
  const load = new FlowLoad(limit);
  const observer = new RecordingObserver();
  const router = new FrontendRouter({ frontend, balancer, load, observer, clock: new FakeClock() });
  return { frontend, balancer, load, observer, router };
}

function newFlow(protocol: Protocol = 'TCP', clientAddress = '192.0.2.1'): Flow {
  return { protocol, clientAddress, clientPort: 1, tried: undefined, frontend: undefined, lease: undefined };
}

test('a flow is opened, leased, connected and closed in the books', () => {
  const { load, observer, router, frontend } = routed();
  const flow = newFlow();
  const route = router.route(flow);
  assert.ok(route.kind === 'forward');
  const { target } = route;
  assert.equal(flow.frontend, frontend);
  assert.equal(flow.lease, target);
  assert.deepEqual([load.active, target.stats.active, target.stats.opened], [1, 1, 0]);
  router.connected(flow, target, 3);
  assert.deepEqual([target.stats.active, target.stats.opened, target.stats.closed], [1, 1, 0]);
  router.closed(flow, endingOf('closed', { target }));
  assert.deepEqual([load.active, target.stats.active, target.stats.closed], [0, 0, 1]);
  assert.deepEqual([observer.opened, observer.connected, observer.endings], [1, 1, ['closed']]);
});

test('a flow that failed to connect goes to another endpoint, and the books follow it', () => {
  const { observer, router } = routed();
  const flow = newFlow();
  const first = router.route(flow);
  assert.ok(first.kind === 'forward');
  const second = router.connectFailed(flow, first.target, 'connect-refused');
  assert.ok(second.kind === 'forward');
  assert.notEqual(second.target, first.target);
  assert.deepEqual([first.target.stats.active, second.target.stats.active], [0, 1]);
  assert.deepEqual(router.connectFailed(flow, second.target, 'connect-timeout'), {
    kind: 'reject',
    reason: 'connect-failed',
  });
  assert.deepEqual(flow.tried, [first.target, second.target]);
  router.closed(flow, endingOf('connect-failed'));
  assert.deepEqual([first.target.stats.active, second.target.stats.active], [0, 0]);
  assert.deepEqual(observer.failures, [
    { failure: 'connect-refused', retried: true },
    { failure: 'connect-timeout', retried: false },
  ]);
});

test('when the endpoints are gone after a failed try, it was the try that failed', () => {
  const { balancer, router } = routed();
  const flow = newFlow();
  const route = router.route(flow);
  assert.ok(route.kind === 'forward');
  balancer.update(servicePort([]));
  assert.deepEqual(router.connectFailed(flow, route.target, 'connect-refused'), {
    kind: 'reject',
    reason: 'connect-failed',
  });
});

/** Where a client with affinity goes after its endpoint could not be reached, for this reason. */
function homeAfter(failure: ConnectFailure): { readonly home: Target; readonly after: Target } {
  const { router } = routed({ affinityTimeoutMs: 60_000 });
  const pick = (then: (flow: Flow, target: Target) => void): Target => {
    const flow = newFlow();
    const route = router.route(flow);
    assert.ok(route.kind === 'forward');
    then(flow, route.target);
    router.closed(flow, endingOf('closed'));
    return route.target;
  };
  pick(() => {});
  const home = pick((flow, target) => router.connectFailed(flow, target, failure));
  return { home, after: pick(() => {}) };
}

for (const shortage of connectFailures.filter(isShortage)) {
  test(`${shortage}: none is blamed, and where it lasts the client is refused for that reason`, () => {
    const { router, observer } = routed();
    const flow = newFlow();
    const first = router.route(flow);
    assert.ok(first.kind === 'forward');
    const second = router.connectFailed(flow, first.target, shortage);
    assert.ok(second.kind === 'forward');
    assert.deepEqual(router.connectFailed(flow, second.target, shortage), { kind: 'reject', reason: shortage });
    assert.deepEqual(observer.failures, [
      { failure: shortage, retried: true },
      { failure: shortage, retried: false },
    ]);
    const { home, after } = homeAfter(shortage);
    assert.equal(after, home, 'affinity stays');
  });
}

test('a failed try takes the client away from the endpoint', () => {
  const { home, after } = homeAfter('connect-refused');
  assert.notEqual(after, home);
});

test('a rejected TCP flow is opened and closed in the books', () => {
  const { load, observer, router } = routed({ endpoints: [], eligible: [] });
  const flow = newFlow();
  assert.deepEqual(router.route(flow), { kind: 'reject', reason: 'no-endpoint' });
  assert.equal(load.active, 1);
  router.closed(flow, endingOf('no-endpoint'));
  assert.equal(load.active, 0);
  assert.deepEqual([observer.opened, observer.endings], [1, ['no-endpoint']]);
});

test('a rejected datagram leaves no flow behind', () => {
  const { load, observer, router } = routed({ endpoints: [], eligible: [] });
  const flow = newFlow('UDP');
  assert.deepEqual(router.route(flow), { kind: 'reject', reason: 'no-endpoint' });
  router.dropped('no-endpoint');
  assert.deepEqual([load.active, observer.opened, observer.drops], [0, 0, ['no-endpoint']]);
  assert.equal(flow.frontend, undefined);
});

test('closing a flow twice, or one that never came, changes nothing', () => {
  const { load, observer, router } = routed();
  const flow = newFlow();
  router.closed(flow, endingOf('closed'));
  router.route(flow);
  router.closed(flow, endingOf('closed'));
  router.closed(flow, endingOf('closed'));
  assert.deepEqual([load.active, observer.endings], [0, ['closed']]);
});

test('a flow that the engine has no room for is in the books too', () => {
  const { load, observer, router } = routed();
  const flow = newFlow();
  router.refused(flow, 'descriptors-exhausted');
  assert.equal(load.active, 1);
  router.closed(flow, endingOf('descriptors-exhausted'));
  assert.deepEqual([load.active, observer.opened, observer.endings], [0, 1, ['descriptors-exhausted']]);
});

test('failures of accept are told', () => {
  const { observer, router } = routed();
  router.acceptFailed('EMFILE');
  assert.deepEqual(observer.acceptFailures, ['EMFILE']);
});

test('a flow ends on the frontend that it came in on', () => {
  const { router, load } = routed();
  const flow = newFlow();
  router.route(flow);
  const other = servicePort(endpoints, { name: 'other' });
  const balancer = new Balancer({ servicePort: other, random: () => 0, maxAffinityEntries: 10 });
  router.update(frontendOf(other), balancer);
  assert.equal(flow.frontend?.servicePort.name, 'web');
  router.closed(flow, endingOf('closed'));
  assert.equal(load.active, 0);
});

const limits: Record<string, { over?: Partial<ServicePort>; process?: number; reason: string }> = {
  'of the process': { process: 2, reason: 'limit-process' },
  'of the frontend': { over: { settings: settingsWith({ maxFlowsPerFrontend: 2 }) }, reason: 'limit-frontend' },
  'of the service': { over: { settings: settingsWith({ maxFlowsPerService: 2 }) }, reason: 'limit-service' },
};

for (const [name, { over, process, reason }] of Object.entries(limits)) {
  test(`the limit ${name} lets in as many as it says, and one more when one has ended`, () => {
    const { router } = routed(over, process);
    const flows = [newFlow(), newFlow(), newFlow()];
    const routes = flows.map((flow) => router.route(flow));
    assert.deepEqual(
      routes.map((route) => (route.kind === 'forward' ? 'forward' : route.reason)),
      ['forward', 'forward', reason],
    );
    for (const flow of flows.slice(1)) router.closed(flow, endingOf('closed'));
    assert.equal(router.route(newFlow()).kind, 'forward');
  });
}

test('the limit of a service counts the flows of all its frontends', () => {
  const rig = new Rig();
  const settings = settingsWith({ maxFlowsPerService: 2 });
  return rig.apply({ web: { vips: ['10.96.0.1', '10.96.0.2'], endpoints: ['10.1.0.1'] } }, settings).then(() => {
    const kinds = ['10.96.0.1', '10.96.0.2', '10.96.0.1'].map((vip) => rig.listener(vip).open().route.kind);
    assert.deepEqual(kinds, ['forward', 'forward', 'reject']);
  });
});

test('while the process drains nobody is let in', () => {
  const { router, load } = routed();
  load.draining = true;
  assert.deepEqual(router.route(newFlow()), { kind: 'reject', reason: 'shutdown' });
});

test('the client is asked for only where something depends on it', () => {
  const asked = (over: Partial<ServicePort>) => {
    let times = 0;
    const flow = Object.defineProperty(newFlow(), 'clientAddress', {
      get() {
        times += 1;
        return '192.0.2.1';
      },
    });
    routed(over).router.route(flow);
    return times;
  };
  assert.equal(asked({}), 0);
  assert.equal(asked({ affinityTimeoutMs: 1_000 }), 1);
  assert.equal(asked({ settings: settingsWith({ policy: 'maglev' }) }), 1);
});
