import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { loadAddon } from '../../src/relay/native/addon.ts';
import { startProgram } from '../support/program.ts';

const env = { SLUICE_ADDON: '/nowhere/sluice.node' };

test('engine: auto without the addon runs on net, and says why', async (t) => {
  const program = await startProgram(t, { config: 'engine: auto', env });
  assert.equal(await program.engine(), 'net');
  const { engine, why } = await program.line(({ msg }) => msg === 'relaying', 'which engine relays');
  assert.equal(engine, 'net');
  assert.match(String(why), /it was not built \(npm run build:native/);
});

test('engine: native without the addon ends at once, and says what to do', async (t) => {
  const program = await startProgram(t, { config: 'engine: native', env, waitForReady: false });
  const { code } = await program.exited();
  assert.equal(code, 1);
  assert.match(program.errors, /ENGINE_NOT_LOADED/);
  assert.match(program.errors, /npm run build:native, or use engine: net/);
});

const skip =
  loadAddon().kind === 'absent'
    ? 'the addon is not built'
    : spawnSync('prlimit', ['--version']).error
      ? 'needs prlimit (util-linux)'
      : false;

/** A thread takes descriptors of its own; which one is the first to fail is chance. */
const tooMany = 'threads: 128';
const prefix = ['prlimit', '--nofile=160:160'];

test('engine: auto where the addon cannot start runs on net, and says why', { skip }, async (t) => {
  const program = await startProgram(t, { config: `engine: auto\n${tooMany}`, prefix });
  const { engine, why } = await program.line(({ msg }) => msg === 'relaying', 'which engine relays');
  assert.equal(engine, 'net');
  assert.match(String(why), /the native engine does not start: \w+: Too many open files/);
});

test('engine: native that cannot start ends at once, and says what to do', { skip }, async (t) => {
  const program = await startProgram(t, { config: `engine: native\n${tooMany}`, prefix, waitForReady: false });
  const { code } = await program.exited();
  assert.equal(code, 1);
  assert.match(program.errors, /ENGINE_NOT_STARTED/);
  assert.match(program.errors, /or lower threads/);
});
