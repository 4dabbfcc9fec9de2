import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Binding, type BindingState } from '../../src/frontend/binding.ts';
import type { ListenSpec } from '../../src/relay/relay.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import { FakeRouter } from '../support/fake-router.ts';
import { frontendOf, servicePortNamed } from '../support/live-views.ts';
import { ip } from '../support/model.ts';
import { Rig, settle } from './rig.ts';

function bind(spec?: ListenSpec) {
  const engine = new FakeEngine();
  const clock = new FakeClock();
  const states: BindingState[] = [];
  const frontend = frontendOf(servicePortNamed('web'));
  const start = () =>
    new Binding({
      frontend,
      ...(spec && { spec }),
      router: new FakeRouter(),
      engine,
      clock,
      onState: (state) => states.push(state),
    });
  return { engine, clock, states, start };
}

test('a free port is listened on', async () => {
  const { engine, states, start } = bind();
  const binding = start();
  assert.equal(binding.state.kind, 'binding');
  assert.equal(binding.listener, undefined);
  await binding.tried();
  assert.equal(binding.listener, engine.listeners[0]);
  assert.deepEqual(
    states.map(({ kind }) => kind),
    ['listening'],
  );
});

for (const [code, longestMs] of [
  ['EADDRNOTAVAIL', 5_000],
  // Another sluice that drains leaves its ports to this one.
  ['EADDRINUSE', 1_000],
] as const)
  test(`${code}: tried again with growing pauses, of ${longestMs} ms at most`, async () => {
    const { engine, clock, states, start } = bind();
    engine.failure = code;
    const binding = start();
    const pauses: number[] = [];
    for (let count = 0; count < 8; count += 1) {
      await binding.tried();
      const [tries, since] = [engine.tries, clock.now()];
      while (engine.tries === tries) clock.advance(1);
      pauses.push(clock.now() - since);
    }
    for (const [index, pause] of pauses.entries()) {
      const ceiling = Math.min(250 * 2 ** index, 5_000);
      assert.ok(pause >= Math.min(ceiling / 2, longestMs), `pause ${index} is ${pause}`);
      assert.ok(pause <= Math.min(ceiling, longestMs) + 1, `pause ${index} is ${pause}`);
    }
    assert.equal(states.length, 1, 'the same failure is told once');
    engine.failure = undefined;
    await binding.tried();
    clock.advance(longestMs);
    await binding.tried();
    assert.equal(binding.state.kind, 'listening');
    assert.equal(states.length, 2);
    assert.equal(clock.pending, 0);
  });

test('another failure is told anew', async () => {
  const { engine, clock, states, start } = bind();
  engine.failure = 'EADDRNOTAVAIL';
  const binding = start();
  await binding.tried();
  engine.failure = 'EADDRINUSE';
  clock.advance(250);
  await binding.tried();
  assert.deepEqual(
    states.map((state) => state.kind === 'failed' && state.code),
    ['EADDRNOTAVAIL', 'EADDRINUSE'],
  );
});

const advice: Record<string, RegExp> = {
  EADDRINUSE: /another program listens on port 80.*ss -lnptu/,
  EADDRNOTAVAIL:
    /10\.96\.0\.1 is on no interface.*ip addr add 10\.96\.0\.1 dev lo\), .*vip\.mode: assign;.*\), or .*freeBind/,
  EACCES: /port 80 needs CAP_NET_BIND_SERVICE/,
  EPERM: /needs CAP_NET_ADMIN/,
  EMFILE: /no file descriptors are left/,
  ENFILE: /no file descriptors are left/,
  EINVAL: /EINVAL from listen/,
};

for (const [code, words] of Object.entries(advice)) {
  test(`${code} says what can be done about it`, async () => {
    const { engine, states, start } = bind();
    engine.failure = code;
    await start().tried();
    const [state] = states;
    assert.ok(state?.kind === 'failed');
    assert.equal(state.code, code);
    assert.match(state.message, words);
    assert.match(state.message, /^10\.96\.0\.1:80\/TCP: /);
  });
}

test('EADDRNOTAVAIL of the relay address is not for the operator to mend there', async () => {
  const { engine, states, start } = bind({ protocol: 'TCP', address: ip('169.254.115.108'), port: 10_000 });
  engine.failure = 'EADDRNOTAVAIL';
  await start().tried();
  const [state] = states;
  assert.ok(state?.kind === 'failed');
  assert.match(state.message, /169\.254\.115\.108, where vip\.mode has it listened on, .*\/readyz says/);
});

test('another way to listen is taken with the next try', async () => {
  const { engine, clock, start } = bind();
  engine.failure = 'EADDRNOTAVAIL';
  const binding = start();
  await binding.tried();
  engine.failure = undefined;
  binding.spec = { ...binding.spec, freeBind: true };
  clock.advance(5_000);
  await binding.tried();
  assert.equal(engine.listeners[0]?.spec.freeBind, true);
});

test('stop ends the tries', async () => {
  const { engine, clock, start } = bind();
  engine.failure = 'EADDRINUSE';
  const binding = start();
  await binding.tried();
  await binding.stop();
  clock.advance(60_000);
  assert.equal(engine.tries, 1);
  assert.equal(clock.pending, 0);
});

test('stop during a try that fails leaves no further try', async () => {
  const { engine, clock, states, start } = bind();
  engine.failure = 'EADDRINUSE';
  await start().stop();
  clock.advance(60_000);
  assert.equal(engine.tries, 1);
  assert.deepEqual(states, []);
});

test('stop closes the listener', async () => {
  const { engine, start } = bind();
  await start().stop();
  assert.equal(engine.listeners[0]?.stops, 1);
});

test('one port that is taken does not stop the others', async () => {
  const rig = new Rig();
  rig.engine.failure = 'EADDRINUSE';
  await rig.apply({ one: { vips: ['10.96.0.1'], endpoints: [] } });
  rig.engine.failure = undefined;
  await rig.apply({ one: { vips: ['10.96.0.1'], endpoints: [] }, two: { vips: ['10.96.0.2'], endpoints: [] } });
  const kinds = () => Array.from(rig.frontends.states(), ({ state }) => state.kind);
  assert.deepEqual(kinds(), ['failed', 'listening']);
  rig.clock.advance(250);
  await settle();
  assert.deepEqual(kinds(), ['listening', 'listening']);
});
