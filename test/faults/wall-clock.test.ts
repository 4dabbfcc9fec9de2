import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { assertNoErrors, endings } from '../support/books.ts';
import { ask } from '../support/load.ts';
import { startProgram } from '../support/program.ts';
import { sumOfSamples } from '../support/prometheus-text.ts';
import { backend, blackhole, client, echo, endOf } from '../support/sockets.ts';
import { configOf, frontendAt, service } from './service.ts';

const vip = '127.60.10.1';
const dayMs = 86_400_000;
const shim = fileURLToPath(new URL('wall-clock.cjs', import.meta.url));

for (const [name, jumpMs] of [
  ['forward', dayMs],
  ['back', -dayMs],
] as const) {
  test(`the wall clock jumps a day ${name}: no timeout, no affinity and no drain notices`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-clock-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const clockFile = join(folder, 'clock');
    const backends = await Promise.all([1, 2, 3].map(() => backend(t, echo)));
    const targets = backends.map(({ target }) => target);
    const hole = await blackhole(t);
    const [place, holed] = [await frontendAt(vip), await frontendAt(vip)];
    const affinity = 'sessionAffinity: { clientIP: { timeoutSeconds: 3600 } }';
    const services = [service(place, targets, affinity), service(holed, [hole], '', 'hole')];
    const timeouts = 'drainTimeout: 700ms\ntcp: { idleTimeout: 1500ms, connectTimeout: 600ms, connectBudget: 600ms }';
    const program = await startProgram(t, {
      config: configOf(services, timeouts),
      nodeOptions: ['--require', shim],
      env: { WALL_CLOCK: clockFile },
    });
    const socket = await client(t, place.port, vip);
    const end = endOf(socket);
    socket.write('x');
    await once(socket, 'data');
    const lastByteAt = performance.now();

    await writeFile(clockFile, `${jumpMs}`);
    const dialledAt = performance.now();
    assert.equal((await ask(holed)).kind, 'failed');
    const dialMs = performance.now() - dialledAt;
    assert.ok(dialMs >= 590 && dialMs < 5_000, `connectTimeout: ${dialMs} ms`);
    assert.deepEqual(
      endings(await program.metrics()),
      { 'connect-failed': 1 },
      'the idle connection is not ended early',
    );
    for (let count = 0; count < 3; count += 1) assert.equal((await ask(place)).kind, 'answered');
    const reached = backends.filter(({ sockets }) => sockets.length > 0).length;
    assert.equal(reached, 1, 'the client keeps its endpoint');
    assert.equal(await end, 'reset');
    const idleMs = performance.now() - lastByteAt;
    assert.ok(idleMs >= 1_400 && idleMs < 6_000, `idleTimeout: ${idleMs} ms`);
    assert.equal(sumOfSamples(await program.metrics(), 'sluice_flows_closed_total', { reason: 'idle-timeout' }), 1);

    await client(t, place.port, vip);
    await delay(50);
    program.signal('SIGTERM');
    const { code, afterMs } = await program.exited();
    assert.equal(code, 0);
    assert.ok(afterMs >= 690 && afterMs < 5_000, `drainTimeout: ${afterMs} ms`);
    const [first, last] = [program.lines().at(0), program.lines().at(-1)].map((line) => Date.parse(`${line?.time}`));
    assert.ok(Math.abs(Number(last) - Number(first) - jumpMs) < 60_000, 'the clock did jump: the log shows it');
    assertNoErrors(program);
  });
}
