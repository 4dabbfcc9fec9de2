import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Diagnosis } from '../../src/vip/finding.ts';
import { nativeIsMissing } from '../support/native-addon.ts';
import { builtProgram } from '../support/program.ts';

const hasPython = spawnSync('python3', ['-V']).status === 0;
const skip = nativeIsMissing() || (hasPython ? false : 'python3 is missing');

/** Runs the rest of its command line where io_uring_setup(2) fails with EPERM, as container engines have it: a filter of seccomp(2). */
const forbidding = `
import ctypes, os, struct, sys
code = [(0x20, 0, 0, 0), (0x15, 0, 1, 425), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)]
filter = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in code))
class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
program = Program(len(code), ctypes.addressof(filter))
prctl = ctypes.CDLL(None).prctl
assert prctl(38, 1, 0, 0, 0) == 0 and prctl(22, 2, ctypes.byref(program)) == 0
os.execv(sys.argv[1], sys.argv[1:])`;

const doctor = [process.execPath, builtProgram, 'doctor', '-o', 'json'];

async function findingOf(check: string, words: readonly string[], env = process.env) {
  const { stdout } = await promisify(execFile)(words[0] ?? '', words.slice(1), { env });
  return (JSON.parse(stdout) as Diagnosis).findings.find((finding) => finding.check === check);
}

test('io_uring that a filter of system calls forbids', { skip }, async () => {
  const finding = await findingOf('io_uring', ['python3', '-c', forbidding, ...doctor]);
  assert.equal(finding?.verdict, 'poor');
  assert.match(finding?.note ?? '', /^EPERM: /);
  assert.match(finding?.fix ?? '', /^(--security-opt seccomp=|sysctl -w kernel\.io_uring)/);
});

test('an addon that Node.js does not take: why', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-addon-'));
  t.after(() => rm(folder, { recursive: true }));
  const addon = join(folder, 'sluice.node');
  await writeFile(addon, 'of another machine');
  const env = { ...process.env, SLUICE_ADDON: addon };
  const finding = await findingOf('native engine', doctor, env);
  assert.equal(finding?.verdict, 'poor');
  assert.match(finding?.note ?? '', /at a higher cost; .*sluice\.node: /);
  assert.match(finding?.fix ?? '', /npm run build:native$/);
});
