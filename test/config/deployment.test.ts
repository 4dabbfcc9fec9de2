import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultConfigFile } from '../../src/cli/default-config.ts';
import { parseConfig } from '../../src/config/load.ts';

const root = join(import.meta.dirname, '../..');
const linesOf = (file: string) => readFileSync(join(root, 'config', file), 'utf8').split('\n');
const dockerfile = linesOf('container/Dockerfile');
const unit = linesOf('systemd/sluice.service');

/** What the instructions `COPY` take from the clone, not from the other stage. */
function copied(): string[] {
  const instructions = dockerfile.filter((line) => line.startsWith('COPY ') && !line.includes('--from='));
  return instructions.flatMap((line) => line.split(/\s+/).slice(1, -1));
}

/** What the unit says for a key. */
function settingOf(key: string): string | undefined {
  return unit.find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1);
}

test('what the image copies is there, and is not ignored', () => {
  const kept = linesOf('container/Dockerfile.dockerignore').filter((line) => line.startsWith('!'));
  assert.ok(copied().includes('src'), 'the test sees instructions');
  for (const path of copied()) assert.ok(existsSync(join(root, path)), path);
  assert.deepEqual([...new Set(copied())].sort(), kept.map((line) => line.slice(1)).sort());
});

test('the image is built by scripts that there are, and runs what they make', () => {
  const { scripts, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const text = dockerfile.join('\n');
  const named = [...text.matchAll(/npm run (\S+)/g)].map(([, name = '']) => name);
  assert.deepEqual(named, ['build:native', 'build']);
  for (const name of named) assert.ok(scripts[name] !== undefined, name);
  assert.ok(text.includes(`ln -s /opt/sluice/${bin.sluice} /usr/local/bin/sluice`));
  const [, addon = ''] = /COPY --from=build \/opt\/sluice\/(\S+\.node) /.exec(text) ?? [];
  assert.ok(readFileSync(join(root, 'src/relay/native/addon.ts'), 'utf8').includes(`'${addon}'`), addon);
});

test('the unit runs the default configuration, and waits for longer than sluice drains', () => {
  assert.equal(settingOf('ExecStart'), `/usr/local/bin/sluice run --config ${defaultConfigFile}`);
  const defaults = parseConfig('{}', 'defaults');
  assert.ok(defaults.kind === 'ok' && Number(settingOf('TimeoutStopSec')) * 1000 > defaults.config.drainTimeoutMs);
});

const skip = spawnSync('systemd-analyze', ['--version']).status !== 0 && 'needs systemd-analyze';

test('systemd understands the unit', { skip }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-unit-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'sluice.service');
  // It looks whether the executable is there.
  writeFileSync(file, unit.join('\n').replace('=/usr/local/bin/sluice', `=${process.execPath}`));
  const { stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
  // It looks at the units that this one names, too; what is wrong with those is not ours.
  assert.deepEqual(
    stderr.split('\n').filter((line) => line.includes('sluice')),
    [],
  );
});
