// Tests of the native engine under a sanitizer: npm run sanitize -- address|thread [test files]
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reportsFolder } from './reports.ts';
import { environmentOf, reportsIn, type Sanitizer, symbolized } from './sanitizer.ts';

const root = join(import.meta.dirname, '../..');
const built = join(root, 'src/relay/native/build/Release');
/** The contracts, the fuzz tests, and the faults that neither measure memory nor put a library of their own before all others. */
const suites: Readonly<Record<Sanitizer, readonly string[]>> = {
  address: [
    'contract/tcp-native',
    'contract/udp-native',
    'fuzz/relay-fuzz',
    'fuzz/proxy-header',
    'integration/udp',
    'faults/streams',
    'faults/endpoints',
    'faults/counters',
    'faults/descriptors',
    'faults/shutdown',
  ],
  // Those in which threads have something to share.
  thread: [
    'contract/tcp-native',
    'contract/udp-native',
    'fuzz/relay-fuzz',
    'integration/udp',
    'faults/streams',
    'faults/shutdown',
  ],
};

function run(sanitizer: Sanitizer, files: readonly string[]): number {
  execFileSync('npm', ['run', '--silent', 'build:native', '--', '--sanitize', sanitizer], {
    cwd: root,
    stdio: 'inherit',
  });
  const reports = mkdtempSync(join(tmpdir(), reportsFolder));
  const addon = join(built, `sluice-${sanitizer}.node`);
  const env = {
    ...process.env,
    ...environmentOf(sanitizer, reports),
    SLUICE_ADDON: addon,
    SLUICE_TEST_ENGINE: 'native',
  };
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', '--test', ...files], {
    cwd: root,
    env,
    stdio: 'inherit',
  });
  const found = reportsIn(reports);
  rmSync(reports, { recursive: true });
  for (const report of found) console.error(`\n${symbolized(report, addon)}`);
  console.log(`sanitizer ${sanitizer}: ${found.length} faults of src/relay/native`);
  return found.length > 0 ? 1 : (status ?? 1);
}

const [sanitizer, ...files] = process.argv.slice(2);
if (sanitizer !== 'address' && sanitizer !== 'thread')
  throw new Error('usage: npm run sanitize -- address|thread [test files]');
process.exitCode = run(sanitizer, files.length > 0 ? files : suites[sanitizer].map((name) => `test/${name}.test.ts`));
