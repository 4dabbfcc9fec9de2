import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { ask } from '../support/load.ts';
import { startProgram } from '../support/program.ts';
import { samplesOf } from '../support/prometheus-text.ts';
import { backend, echo } from '../support/sockets.ts';
import { configOf, frontendAt, service } from './service.ts';

const vip = '127.60.4.1';
const answered = { kind: 'answered', answer: 'hello' };

describe('a port that is in use', () => {
  test('the other frontends run; it is reported, tried again, and bound when it is free', async (t) => {
    const { target } = await backend(t, echo);
    const [free, taken] = [await frontendAt(vip), await frontendAt(vip)];
    const squatter = createServer();
    squatter.listen(taken.port, taken.host);
    await once(squatter, 'listening');
    t.after(() => squatter.close());
    const services = [service(free, [target]), service(taken, [target], '', 'squatted')];
    const program = await startProgram(t, { config: configOf(services) });

    assert.deepEqual(await ask(free), answered);
    const { status, frontends } = await program.ready();
    assert.equal(status, 'degraded');
    assert.equal(frontends.listening, 1);
    const [failed] = frontends.failed;
    const { vip: at, service: name, code } = failed ?? {};
    assert.deepEqual({ at, name, code }, { at: `${vip}:${taken.port}`, name: 'default/squatted', code: 'EADDRINUSE' });
    assert.match(failed?.message ?? '', /another program listens/);
    assert.equal(samplesOf(await program.metrics(), 'sluice_frontend_bind_failed', { code: 'EADDRINUSE' }).length, 1);

    squatter.close();
    const frontend = `${vip}:${taken.port}/TCP`;
    await program.line((line) => line.msg === 'listening' && line.frontend === frontend, 'that it listens');
    assert.deepEqual(await ask(taken), answered);
    assert.equal((await program.ready()).status, 'ready');
    const warnings = program.lines().filter((line) => line.frontend === frontend && line.level === 'warn');
    assert.equal(warnings.length, 1, 'it is said once, however often it is tried');
  });

  test('no frontend can be bound: not ready, and ready once one can', async (t) => {
    const { target } = await backend(t, echo);
    const taken = await frontendAt(vip);
    const squatter = createServer();
    squatter.listen(taken.port, taken.host);
    await once(squatter, 'listening');
    t.after(() => squatter.close());
    const program = await startProgram(t, { config: configOf([service(taken, [target])]), waitForReady: false });
    const started = await program.line(({ msg }) => msg === 'sluice has started', 'that it has tried');
    assert.deepEqual([started.level, started.status], ['warn', 'unready']);
    assert.equal((await program.get('/readyz')).status, 503);
    assert.deepEqual((await program.ready()).reasons, ['no-frontend-listening']);
    squatter.close();
    await program.line(({ msg }) => msg === 'listening', 'that it listens');
    assert.equal((await program.get('/readyz')).status, 200);
  });
});
