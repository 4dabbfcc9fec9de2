import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Binding, type BindingState } from '../../src/frontend/binding.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import { FakeRouter } from '../support/fake-router.ts';
import { frontendOf, servicePortNamed } from '../support/live-views.ts';
import { Rig, settle } from './rig.ts';

function bind() {
  const engine = new FakeEngine();
  const clock = new FakeClock();
  const states: BindingState[] = [];
  const frontend = frontendOf(servicePortNamed('web'));
  const start = () =>
    new Binding({ frontend, router: new FakeRouter(), engine, clock, onState: (state) => states.push(state) });
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

test('a port that is taken is tried again with growing pauses until it is free', async () => {
  const { engine, clock, states, start } = bind();
  engine.failure = 'EADDRINUSE';
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
    assert.ok(pause >= ceiling / 2 && pause <= ceiling + 1, `pause ${index} is ${pause}`);
  }
  assert.equal(states.length, 1, 'the same failure is told once');
  engine.failure = undefined;
  await binding.tried();
  clock.advance(5_000);
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
  EADDRNOTAVAIL: /10\.96\.0\.1 is on no interface.*ip addr add 10\.96\.0\.1 dev lo/,
  EACCES: /port 80 needs CAP_NET_BIND_SERVICE/,
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
    assert.match(state.message, /^TCP\/10\.96\.0\.1:80: /);
  });
}

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
