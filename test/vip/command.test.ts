import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommand, understand } from '../../src/vip/command.ts';

const node = process.execPath;

test('standard output is the answer; no shell looks at the words', async () => {
  assert.deepEqual(await runCommand(node, ['-p', '"$HOME;"']), { kind: 'ok', stdout: '$HOME;\n' });
});

test('input can be opened again by its name, as nft does', async () => {
  const words = ['-p', 'require("fs").readFileSync("/dev/stdin", "utf8").length'];
  assert.deepEqual(await runCommand(node, words, 'x'.repeat(1_000_000)), { kind: 'ok', stdout: '1000000\n' });
});

test('a program that ends badly: its command and what it said', async () => {
  const result = await runCommand(node, ['-e', 'console.error("it\\n broke"); process.exit(3)']);
  assert.equal(result.kind, 'failed');
  if (result.kind !== 'failed') return;
  assert.equal(result.missing, false);
  assert.match(result.problem.message, /^"\S+ -e .*" failed: it broke; see sluice doctor$/);
});

test('one that says nothing: its exit code', async () => {
  const result = await runCommand(node, ['-e', 'process.exit(3)']);
  assert.ok(result.kind === 'failed' && /it ended with 3/.test(result.problem.message));
});

test('a program that is not there', async () => {
  const result = await runCommand('sluice-has-no-such-program', [], 'input');
  assert.ok(result.kind === 'failed' && result.missing);
  assert.equal(result.problem.code, 'VIP_PROGRAM_MISSING');
});

test('a program that is not there leaves nothing that keeps the process', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;
  const before = timers();
  await runCommand('no-such-program', []);
  assert.ok(timers() <= before);
});

test('output that cannot be read is a problem', () => {
  assert.deepEqual(understand('ip -j', '[1]', JSON.parse), { kind: 'ok', value: [1] });
  const read = understand('ip -j', '[', JSON.parse);
  assert.ok(read.kind === 'failed' && /^"ip -j" printed what sluice does not understand: /.test(read.problem.message));
});
