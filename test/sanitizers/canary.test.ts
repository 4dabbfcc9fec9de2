import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isNetRun } from '../support/native-addon.ts';
import { compile, environmentOf, reportsIn, type Sanitizer } from './sanitizer.ts';

const faults: Readonly<Record<Sanitizer, readonly string[]>> = {
  address: ['heap-use-after-free', 'signed-overflow', 'leak'],
  thread: ['data-race'],
};
const hasCompiler = spawnSync('g++', ['--version']).status === 0;
const skip = isNetRun ? 'of the native engine' : !hasCompiler && 'there is no g++';

describe('the sanitizers find faults of an addon', { skip }, () => {
  for (const sanitizer of ['address', 'thread'] as const) {
    test(sanitizer, (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'sluice-canary-'));
      t.after(() => rmSync(folder, { recursive: true }));
      const addon = join(folder, 'canary.node');
      compile(sanitizer, join(import.meta.dirname, 'canary.cc'), addon);
      for (const fault of [...faults[sanitizer], 'none']) {
        const found = reportsOf(sanitizer, addon, fault, join(folder, fault));
        assert.equal(found.length, fault === 'none' ? 0 : 1, `${fault}:\n${found.join('\n')}`);
      }
    });
  }
});

function reportsOf(sanitizer: Sanitizer, addon: string, fault: string, folder: string): string[] {
  mkdirSync(folder);
  const env = { ...process.env, ...environmentOf(sanitizer, folder), CANARY: fault };
  // It is no addon that Node.js could use, and is loaded all the same.
  spawnSync(process.execPath, ['-e', `try { require(${JSON.stringify(addon)}) } catch {}`], { env });
  return reportsIn(folder);
}
