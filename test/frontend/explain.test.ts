import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Balancer } from '../../src/balance/balancer.ts';
import { FlowLoad } from '../../src/frontend/flow-load.ts';
import { FrontendRouter } from '../../src/frontend/router.ts';
import { AddressSet } from '../../src/model/address-set.ts';
import { type FrontendKey, frontendKey } from '../../src/model/keys.ts';
import type { Frontend } from '../../src/model/snapshot.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { frontendOf } from '../support/live-views.ts';
import { endpoint, ip, servicePort, settingsWith } from '../support/model.ts';
import { RecordingObserver } from '../support/record.ts';
import { Rig } from './rig.ts';

const client = '192.0.2.1';
const vip = '10.96.0.1';
const [here, there] = [endpoint('10.1.0.1', { nodeName: 'here' }), endpoint('10.1.0.2', { nodeName: 'there' })];

function routed(over: Partial<Frontend> = {}, limit = Number.POSITIVE_INFINITY) {
  const place = { name: 'here' };
  const port = servicePort([there, here], { cluster: [there, here], local: [here], place, settings: settingsWith({}) });
  const balancer = new Balancer({ servicePort: port, random: () => 0, maxAffinityEntries: 10 });
  const frontend = { ...frontendOf(port, vip), ...over };
  const load = new FlowLoad(limit);
  const router = new FrontendRouter({
    frontend,
    balancer,
    load,
    observer: new RecordingObserver(),
    clock: new FakeClock(),
  });
  return { frontend, load, router };
}

/** The endpoint that would be chosen, or the reason for none. */
function outcomeOf({ router }: ReturnType<typeof routed>, from = client): string {
  const { refusal, balance } = router.explain(from);
  if (refusal !== undefined) return refusal;
  const { outcome } = balance;
  return outcome.kind === 'forward' ? outcome.endpoint.address : outcome.kind;
}

test('explaining opens no flow, leases no endpoint and moves no turn', () => {
  const at = routed();
  for (let again = 0; again < 3; again += 1) assert.equal(outcomeOf(at), there.address);
  const { active, frontend } = at.router.explain(client);
  assert.deepEqual([active, frontend, at.load.active], [0, at.frontend, 0]);
});

test('what is in the way comes first: sources, then limits', () => {
  const sources = new AddressSet(['192.0.2.0/24']);
  assert.equal(outcomeOf(routed({ sources })), there.address);
  assert.equal(outcomeOf(routed({ sources }), '198.51.100.1'), 'source-not-allowed');
  assert.equal(outcomeOf(routed({}, 0)), 'limit-process');
});

test('scope local, and who is near enough for cluster', () => {
  const nearby = new AddressSet(['10.2.0.0/16']);
  const at = routed({ scope: 'local', nearby });
  const got = [client, '10.2.3.4', vip].map((from) => outcomeOf(at, from));
  assert.deepEqual(got, [here.address, there.address, there.address]);
});

test('frontends explain the one that is asked for, with its state and flows', async () => {
  const rig = new Rig();
  await rig.apply({
    web: { vips: [vip], endpoints: ['10.1.0.1'] },
    api: { vips: ['10.96.0.2'], endpoints: [] },
  });
  rig.listener(vip).open();
  const explained = rig.frontends.explain(client, frontendKey('TCP', ip(vip), 80));
  assert.deepEqual([explained?.state.kind, explained?.active, explained?.frontend.address], ['listening', 1, vip]);
  assert.equal(explained?.route.balance.outcome.kind, 'forward');
  const api = rig.frontends.explain(client, '10.96.0.2:80/TCP' as FrontendKey);
  assert.deepEqual(api?.route.balance.outcome, { kind: 'reject', reason: 'no-endpoint' });
  assert.equal(rig.frontends.explain(client, '10.96.0.1:80/UDP' as FrontendKey), undefined);
  assert.deepEqual(
    [...rig.frontends.states()].map(({ frontend, active }) => [frontend.address, active]),
    [
      [vip, 1],
      ['10.96.0.2', 0],
    ],
  );
});

test('a frontend that is listened on elsewhere is found at both places', async () => {
  const bindTo = ({ protocol, port }: Frontend) => ({ protocol, port, address: ip('127.96.0.1') });
  const rig = new Rig({ bindTo });
  await rig.apply({ web: { vips: [vip], endpoints: ['10.1.0.1'] } });
  for (const at of [vip, '127.96.0.1']) {
    const explained = rig.frontends.explain(client, frontendKey('TCP', ip(at), 80));
    assert.equal(explained?.frontend.address, vip);
  }
});
