import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cleanupCommand } from '../../src/cli/cleanup.ts';
import { doctorCommand } from '../../src/cli/doctor.ts';
import { FakeClaim, FakePrograms, failing } from '../vip/support.ts';

interface Ran {
  readonly out: string;
  readonly err: string;
  readonly code: unknown;
}

/** Keeps the text that is written. The test runner speaks in bytes on the same stream: those go on their way. */
function textOf(t: TestContext, stream: NodeJS.WriteStream) {
  const write = stream.write.bind(stream);
  let text = '';
  const { mock } = t.mock.method(stream, 'write', (chunk: unknown) => {
    if (typeof chunk !== 'string') return write(chunk as Uint8Array);
    text += chunk;
    return true;
  });
  return { text: () => text, restore: () => mock.restore() };
}

async function capture(t: TestContext, run: () => Promise<unknown>): Promise<Ran> {
  const [out, err] = [textOf(t, process.stdout), textOf(t, process.stderr)];
  try {
    await run();
    return { out: out.text(), err: err.text(), code: process.exitCode };
  } finally {
    out.restore();
    err.restore();
    process.exitCode = undefined;
  }
}

/** `doctor` on a host where nobody may do anything. */
function doctor(t: TestContext, words: readonly string[]): Promise<Ran> {
  const programs = new FakePrograms();
  for (const name of ['ip', 'nft', 'conntrack']) programs.answers.set(name, failing(name, '', true));
  return capture(t, () =>
    doctorCommand({ run: programs.run, read: () => undefined }).parseAsync([...words], { from: 'user' }),
  );
}

function fileOf(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-doctor-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'sluice.yaml');
  writeFileSync(file, text);
  return file;
}

test('without a configuration it only tells', async (t) => {
  const { out, code } = await doctor(t, []);
  assert.match(out, /^CHECK +VALUE +VERDICT +WHAT IT MEANS, AND WHAT CHANGES IT\n/);
  assert.match(out, /^CAP_NET_ADMIN +no +ok +the modes assign and redirect need it$/m);
  assert.match(out, /\nvip\.mode is listen; .* loopback suits it\n$/);
  assert.equal(code, 0);
});

const rows: readonly [string, string, number][] = [
  ['redirect', 'vip: { mode: redirect }', 1],
  ['assign', 'vip: { mode: assign }', 1],
  ['a low port', 'services: [{ name: a, vip: 127.1.1.1, ports: [{ port: 80 }] }]', 1],
  ['a high port', 'services: [{ name: a, vip: 127.1.1.1, ports: [{ port: 8080 }] }]', 0],
];
for (const [name, text, expected] of rows) {
  test(`a configuration that asks for ${name}: exit code ${expected}`, async (t) => {
    const { out, code } = await doctor(t, ['--config', fileOf(t, text), '-o', 'json']);
    const { findings } = JSON.parse(out) as { findings: { verdict: string }[] };
    assert.equal(
      findings.some(({ verdict }) => verdict === 'unusable'),
      expected === 1,
    );
    assert.equal(code, expected);
  });
}

test('a configuration that is wrong itself', async (t) => {
  const { err, code } = await doctor(t, ['-c', fileOf(t, 'vip: { mode: redirct }')]);
  assert.match(err, /vip\.mode/);
  assert.equal(code, 1);
});

function cleanup({ run }: FakePrograms, claim: FakeClaim) {
  return cleanupCommand({ run, claim }).parseAsync([], { from: 'user' });
}

test('cleanup says what it could not remove', async (t) => {
  const programs = new FakePrograms();
  programs.answers.set('nft', failing('nft', 'Operation not permitted'));
  const { out, err, code } = await capture(t, () => cleanup(programs, new FakeClaim()));
  assert.deepEqual([out, code], ['', 1]);
  assert.match(
    err,
    /"nft .*" failed: Operation not permitted; it needs CAP_NET_ADMIN, see sluice doctor \[VIP_COMMAND_FAILED\]\n$/,
  );
});

test('cleanup touches nothing while a sluice runs that owns it', async (t) => {
  const programs = new FakePrograms();
  const claim = new FakeClaim();
  claim.holder = { code: 'VIP_HELD_BY_OTHER', message: 'another sluice (pid 4711)' };
  const { out, err, code } = await capture(t, () => cleanup(programs, claim));
  assert.deepEqual([out, err, code], ['', 'another sluice (pid 4711) [VIP_HELD_BY_OTHER]\n', 1]);
  assert.deepEqual(programs.commands, []);
  assert.equal(claim.isAsked, false);
});
