import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Target } from '../../src/model/target.ts';
import { assertBalanced, assertNoErrors, connectFailures, endings, settled } from '../support/books.ts';
import { ask, Load } from '../support/load.ts';
import { startProgram } from '../support/program.ts';
import { sumOfSamples } from '../support/prometheus-text.ts';
import { backend, blackhole, closedPort, echo, endpointAt } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { configOf, frontendAt, service } from './service.ts';

const vip = '127.60.2.1';

/** Answers with its name, when the question has ended. */
const says = (name: string) => (socket: Socket) => void socket.on('end', () => socket.end(name)).resume();

describe('endpoints that fail', () => {
  test('connect refused: another endpoint answers, and has every early byte', async (t) => {
    const { target } = await backend(t, echo);
    const dead = new Target(endpointAt('127.0.0.1', await closedPort()));
    const place = await frontendAt(vip);
    const program = await startProgram(t, { config: configOf([service(place, [dead, target])]) });
    const question = 'early bytes, '.repeat(4_000);
    for (let count = 0; count < 6; count += 1) {
      assert.deepEqual(await ask(place, question), { kind: 'answered', answer: question });
    }
    const families = await settled(program);
    assert.deepEqual(endings(families), { closed: 6 });
    const failures = connectFailures(families)['connect-refused'] ?? 0;
    assert.ok(failures >= 2, `the dead endpoint had its turn: ${failures}`);
    assert.equal(sumOfSamples(families, 'sluice_retries_total'), failures);
    assertNoErrors(program);
  });

  test('connect blackholed: another endpoint after connectTimeout; whoever got a good one does not wait', async (t) => {
    const { target } = await backend(t, echo);
    const hole = await blackhole(t);
    const place = await frontendAt(vip);
    const config = configOf([service(place, [hole, target])], 'tcp: { connectTimeout: 1500ms }');
    const program = await startProgram(t, { config });
    const began = performance.now();
    const times = await Promise.all(
      Array.from({ length: 8 }, async () => {
        assert.equal((await ask(place)).kind, 'answered');
        return performance.now() - began;
      }),
    );
    const waited = times.filter((ms) => ms >= 1_400);
    assert.equal(waited.length, 4, `half of the clients meet the blackhole: ${times}`);
    assert.ok(Math.max(...times) < 2_900, `one connectTimeout, not several in a row: ${times}`);
    assert.deepEqual(connectFailures(await settled(program)), { 'connect-timeout': 4 });
  });

  test('all endpoints dead, or none there: fast failures with their reasons', async (t) => {
    const dead = await Promise.all([closedPort(), closedPort(), closedPort()]);
    const [place, empty] = [await frontendAt(vip), await frontendAt('127.60.2.2')];
    const targets = dead.map((port) => new Target(endpointAt('127.0.0.1', port)));
    const services = [service(place, targets), service(empty, [], '', 'empty')];
    const program = await startProgram(t, {
      config: configOf(services, 'tcp: { connectTimeout: 20s, connectBudget: 20s }'),
    });
    const began = performance.now();
    for (const at of [place, empty]) {
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => ask(at)));
      for (const outcome of outcomes) assert.equal(outcome.kind === 'failed' && outcome.code, 'ECONNRESET');
    }
    assert.ok(performance.now() - began < 5_000, 'no connect timeout is waited for');
    const families = await settled(program);
    assert.deepEqual(endings(families), { 'connect-failed': 20, 'no-endpoint': 20 });
    assert.deepEqual(connectFailures(families), { 'connect-refused': 60 });
    assertNoErrors(program);
  });

  test('an endpoint that flaps ten times a second under load: no request fails, no herd, no leak', async (t) => {
    const names = ['steady', 'flapping', 'calm'];
    const backends = await Promise.all(names.map((name) => backend(t, says(name))));
    const [steady, flapping, calm] = backends.map(({ target }) => target) as [Target, Target, Target];
    const place = await frontendAt(vip);
    const config = (targets: readonly Target[]) => configOf([service(place, targets)]);
    const program = await startProgram(t, { config: config([steady, flapping, calm]) });
    const before = program.descriptors();
    const load = new Load(place, 8);
    for (let flap = 0; flap < 20; flap += 1) {
      await program.configure(config(flap % 2 === 0 ? [steady, calm] : [steady, flapping, calm]));
      await delay(100);
      assertBalanced(await program.metrics());
    }
    await load.stop();
    const counts = load.counts();
    assert.deepEqual([...counts.keys()].sort(), [...names].sort(), `answers only: ${[...counts]}`);
    const [least, most] = [counts.get('steady') ?? 0, counts.get('calm') ?? 0].sort((a, b) => a - b) as [
      number,
      number,
    ];
    assert.ok(most - least <= 0.2 * most + 20, `the turn goes on where it was: ${[...counts]}`);
    const families = await settled(program);
    assert.deepEqual(endings(families), { closed: load.outcomes.length });
    assert.ok(sumOfSamples(families, 'sluice_snapshot_version') > 10, 'the changes were seen');
    await until(() => program.descriptors() <= before, 'all descriptors are closed');
    assertNoErrors(program);
  });

  test('an endpoint that dies and comes back under load: its clients go to the other', async (t) => {
    const [steady, dying] = [await backend(t, says('steady')), await backend(t, says('dying'))];
    const place = await frontendAt(vip);
    const program = await startProgram(t, { config: configOf([service(place, [steady.target, dying.target])]) });
    const load = new Load(place, 4);
    const { port } = dying.target.endpoint;
    for (let flap = 0; flap < 5; flap += 1) {
      await delay(50);
      dying.server.close();
      await delay(50);
      await new Promise<void>((resolve) => dying.server.listen(port, '127.0.0.1', resolve));
    }
    await load.stop();
    const counts = load.counts();
    // What the dying endpoint had accepted and not answered is lost to everybody: that is a reset, and no more than that.
    const lost = counts.get('ECONNRESET') ?? 0;
    assert.deepEqual([...counts.keys()].filter((word) => word !== 'ECONNRESET').sort(), ['dying', 'steady']);
    assert.ok(lost <= 4 * 5, `lost: ${lost}`);
    const { closed, reset = 0 } = endings(await settled(program));
    assert.deepEqual({ closed, reset }, { closed: load.outcomes.length - lost, reset: lost });
  });
});
