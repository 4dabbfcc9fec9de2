import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const native = fileURLToPath(new URL('../../../src/relay/native', import.meta.url));

/** A copy of the sources that was never built, and what npm's `install` script does with it on a machine without a compiler. */
function buildWithoutCompiler(t: TestContext, ...options: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-build-'));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(native, folder, { recursive: true, filter: (source) => source !== join(native, 'build') });
  const env = { ...process.env, CC: 'false', CXX: 'false' };
  return spawnSync(process.execPath, [join(folder, 'build.mjs'), ...options], { env, encoding: 'utf8' });
}

test('npm ci without a compiler goes on, and says what is missing', (t) => {
  const { status, stdout } = buildWithoutCompiler(t);
  assert.equal(status, 0);
  assert.match(stdout, /cannot be built here; sluice will run on the net engine/);
  assert.match(stdout, /it needs a C\+\+20 compiler, make and Python 3/);
});

test('npm run build:native without a compiler fails', (t) => {
  const { status, stdout } = buildWithoutCompiler(t, '--must');
  assert.equal(status, 1);
  assert.match(stdout, /cannot be built here/);
});
