import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { frontendKey, type ServicePortKey } from '../../src/model/keys.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { FakeFlow, FakeListener } from '../support/fake-engine.ts';
import { type Declared, Rig } from './rig.ts';

const endpoints = fc
  .uniqueArray(fc.tuple(fc.constantFrom('10.1.0.1', '10.1.0.2'), fc.constantFrom('', '!', '~', '?')), {
    selector: ([address]) => address,
  })
  .map((list) => list.map((parts) => parts.join('')));
/** What becomes another in a service; `undefined`: it is removed. */
const edit = fc.option(
  fc.record(
    { vips: fc.subarray(['10.96.0.1', '10.96.0.2']), protocol: fc.constantFrom('TCP', 'UDP'), endpoints },
    { requiredKeys: [] },
  ),
  { nil: undefined, freq: 10 },
);
/** Two services, which may want the same VIP:PORT. */
const edits = fc.array(fc.tuple(fc.constantFrom('x', 'y'), edit), { minLength: 1, maxLength: 20 });

const unborn: Declared = { vips: ['10.96.0.1'], protocol: 'UDP', endpoints: [] };

const keyOf = ({ spec }: FakeListener) => frontendKey(spec.protocol, spec.address, spec.port);

interface Session extends FakeFlow {
  readonly listener: FakeListener;
  /** Whose client it became. */
  readonly owner: ServicePortKey;
}

/** TCP connections stay; UDP sessions do as long as an endpoint of the service port that has the VIP:PORT answers them. */
function stays({ flow, target, listener, owner }: Session, { frontends }: Snapshot): boolean {
  if (flow.protocol === 'TCP') return true;
  const servicePort = frontends.get(keyOf(listener))?.servicePort;
  const endpoint = servicePort?.endpoints.find(({ key }) => key === target?.endpoint.key);
  return servicePort?.key === owner && endpoint !== undefined && (endpoint.ready || endpoint.serving);
}

function listening(rig: Rig): string[] {
  return Array.from(rig.frontends.states(), ({ frontend, state }) => `${frontend.key} ${state.kind}`).sort();
}

/** A client for every VIP:PORT. */
function openAll({ engine }: Rig, { frontends }: Snapshot): Session[] {
  return [...frontends].flatMap(([key, { servicePort }]) => {
    const listener = engine.listeners.findLast((one) => keyOf(one) === key);
    const carried = listener?.open().carried;
    return listener && carried ? [{ ...carried, listener, owner: servicePort.key }] : [];
  });
}

test('law: whatever becomes of services, what is wanted is listened on, and the flows stay that should, no others', async () => {
  await fc.assert(
    fc.asyncProperty(edits, async (list) => {
      const rig = new Rig();
      const services: Record<string, Declared> = {};
      let sessions: Session[] = [];
      for (const [name, change] of list) {
        if (change === undefined) delete services[name];
        else services[name] = { ...unborn, ...services[name], ...change };
        const snapshot = await rig.apply(services);
        assert.deepEqual(listening(rig), Array.from(snapshot.frontends.keys(), (key) => `${key} listening`).sort());
        sessions = sessions.filter((session) => stays(session, snapshot));
        const carried = rig.engine.listeners.flatMap((listener) => [...listener.carried]);
        assert.deepEqual(new Set(carried.map(({ flow }) => flow)), new Set(sessions.map(({ flow }) => flow)));
        assert.equal(rig.observer.opened, rig.observer.endings.length + carried.length);
        sessions.push(...openAll(rig, snapshot));
      }
    }),
    { numRuns: 200 },
  );
});
