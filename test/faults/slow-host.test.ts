import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { assertNoErrors } from '../support/books.ts';
import { startProgram } from '../support/program.ts';
import { samplesOf } from '../support/prometheus-text.ts';
import { until } from '../support/until.ts';
import { ownNetwork, withLo } from './own-namespace.ts';
import { configOf, service } from './service.ts';

/** A folder, the first of `PATH`, with an ip(8) that takes its time. */
async function slowIp(t: TestContext, script: (folder: string) => string) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-slow-host-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const ip = join(folder, 'ip');
  await writeFile(ip, `#!/bin/sh\n${script(folder)}\n`);
  return { folder, slow: () => chmod(ip, 0o755), env: { PATH: `${folder}:${process.env.PATH}` } };
}

/** VIPs are to be assigned, `count` of them. */
function assigning(count: number): string {
  const services = Array.from({ length: count }, (_, index) =>
    service({ host: `10.96.0.${index + 1}`, port: 80 }, [], '', `s${index}`),
  );
  return configOf(services, 'vip: { mode: assign }');
}

describe('a host that takes its time to change', { skip: ownNetwork.skip }, () => {
  test('VIPs that change faster than that are listened on all the same', async (t) => {
    const { slow, env } = await slowIp(t, () => `sleep 0.2\nPATH=${process.env.PATH} exec ip "$@"`);
    const program = await startProgram(t, { config: assigning(1), prefix: [...ownNetwork.prefix, ...withLo], env });
    const listening = async () =>
      samplesOf(await program.metrics(), 'sluice_frontends', { state: 'listening' })[0]?.value ?? 0;
    assert.equal(await listening(), 1);

    await slow();
    let count = 1;
    for (; count < 100 && (await listening()) === 1; count += 1) {
      await program.configure(assigning(count + 1));
      await delay(50);
    }
    assert.ok(count < 100, 'none of 100 changes was applied');
    assertNoErrors(program);
  });

  test('a second SIGTERM in the middle of the start ends it at once', async (t) => {
    const { folder, slow, env } = await slowIp(t, (here) => `echo $$ > ${here}/pid\nexec sleep 60`);
    await slow();
    const pid = () => Number(existsSync(join(folder, 'pid')) && readFileSync(join(folder, 'pid'), 'utf8'));
    const init = { config: assigning(1), prefix: ownNetwork.prefix, env, waitForReady: false };
    const program = await startProgram(t, init);
    await until(() => pid() > 0, 'the host is asked');
    program.signal('SIGTERM');
    await program.line(({ msg }) => msg.startsWith('no new flows'), 'the first signal is heard');
    program.signal('SIGTERM');
    const { code, afterMs } = await program.exited();
    process.kill(pid(), 'SIGKILL');
    assert.equal(code, 143);
    assert.ok(afterMs < 5_000, `ended after ${afterMs} ms`);
  });
});
