import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { loadConfig } from '../../src/config/load.ts';
import { loadWithoutPause } from '../../src/config/load-without-pause.ts';

const full = readFileSync(new URL('../../config/examples/full.yaml', import.meta.url), 'utf8');
/** With it a file is large. */
const padding = `#${' '.repeat(64 * 1024)}\n`;
const services = Array.from(
  { length: 1_000 },
  (_, index) =>
    `  - { name: s${index}, vip: 127.1.1.1, ports: [{ port: ${1 + index} }], backends: ["127.1.1.2:80"] }\n`,
);
const thousand = `services:\n${services.join('')}`;

function fileOf(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-load-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'c.yaml');
  writeFileSync(file, text);
  return file;
}

const files: Readonly<Record<string, string>> = {
  'a small file': full,
  'a large file, with every key': `${full}${padding}`,
  'a large file, with services enough for several pieces': thousand,
  'a large file that is no YAML': `${thousand}services: [}`,
  'a large file with wrong values': `${padding}log: { level: loud }\ndrain: 3\n${thousand}`,
};

for (const [name, text] of Object.entries(files)) {
  test(`${name} says the same as without a thread`, async (t) => {
    const file = fileOf(t, text);
    assert.deepStrictEqual(await loadWithoutPause(file, systemClock), await loadConfig(file));
  });
}

test('a file that is not there is a problem', async () => {
  const missing = await loadWithoutPause('/nowhere/sluice.yaml', systemClock);
  assert.equal(missing.kind === 'invalid' && missing.problems[0].code, 'FILE_UNREADABLE');
});
