import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

function sluice(...words: string[]): { readonly status: number | null; readonly out: string; readonly err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'dist/main.js'), ...words], {
    encoding: 'utf8',
    cwd: root,
    timeout: 30_000,
  });
  return { status, out: stdout, err: stderr };
}

function fileOf(t: TestContext, text: string, name = 'sluice.yaml'): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

test('check prints the frontends of what is right and ends with 0', () => {
  const { status, out, err } = sluice('check', 'config/examples/weights.yaml');
  assert.deepEqual([status, err], [0, '']);
  const lines = out.trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^FRONTEND +SERVICE +POLICY +AFFINITY +ENDPOINTS$/);
  assert.match(out, /127\.104\.58\.144:80\/TCP +default\/canary +roundRobin +- +127\.17\.0\.3:8080×9, /);
  assert.match(out, /127\.104\.58\.145:80\/TCP +default\/sessions +leastConnections +ClientIP 10m /);
  assert.match(out, /\[::1\]:5432\/TCP +storage\/database:sql /);
});

test('check says so when all is right and makes no frontend', () => {
  const { status, out, err } = sluice('check', 'config/examples/kubernetes.yaml');
  assert.deepEqual([status, out], [0, '']);
  assert.match(err, /^nothing is wrong, and nothing here makes a frontend .*\n$/);
});

test('a mistake in the words of a command is told with where to look', () => {
  for (const words of [['get'], ['run', '--confg', 'x'], ['cleanup', 'all']]) {
    const { status, err } = sluice(...words);
    assert.equal(status, 1);
    assert.match(err, new RegExp(`^error: .*\n(\\(Did you mean .*\n)?\\(see sluice ${words[0]} --help\\)\n$`));
  }
});

for (const words of [['schema'], ['doctor'], ['check', 'config/examples/weights.yaml']]) {
  test(`${words[0]} ends quietly when nobody reads it`, async () => {
    const child = spawn(process.execPath, [join(root, 'dist/main.js'), ...words], { cwd: root, stdio: 'pipe' });
    child.stdout.destroy();
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk));
    const [code] = await once(child, 'close');
    assert.deepEqual([code, err], [141, '']);
  });
}

test('the bin of the package runs by a link, as npm install -g makes one', (t) => {
  const { bin, files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const target = join(root, bin.sluice);
  assert.match(readFileSync(target, 'utf8'), /^#!\/usr\/bin\/env node\n/);
  assert.ok(files.includes('dist') && files.includes('config'), 'what it needs is in the package');
  const link = join(dirname(fileOf(t, '')), 'sluice');
  symlinkSync(target, link);
  const { status, stdout } = spawnSync(process.execPath, [link, '--help'], { encoding: 'utf8', cwd: tmpdir() });
  assert.equal(status, 0);
  assert.match(stdout, /^Usage: sluice /);
});

test('check takes every shipped configuration, and manifests, several at once', () => {
  const names = [
    'minimal',
    'full',
    'udp',
    'weights',
    'proxy-protocol',
    'kubernetes',
    'manifests',
    'floating-vip',
    'client-address',
    'tproxy',
  ].map((name) => `config/examples/${name}.yaml`);
  const { status, err } = sluice('check', 'config/sluice.yaml', ...names, 'config/examples/manifests');
  assert.deepEqual([status, err], [0, '']);
});

test('check names what is wrong, each with its place, and ends with 1', (t) => {
  const file = fileOf(t, 'servces: []\nservices:\n  - name: web\n    vip: 10.0.0.300\n    prts: []\n');
  const { status, err } = sluice('check', file);
  assert.equal(status, 1);
  const lines = err.trimEnd().split('\n');
  assert.match(lines[0] ?? '', new RegExp(`^${file}:1:1: servces: .*"?services"?.* \\[CONFIG_UNKNOWN_KEY\\]$`));
  assert.ok(
    lines.some((line) => /:4:\d+: services\[0\]\.vip: /.test(line)),
    err,
  );
  assert.ok(
    lines.some((line) => /:5:\d+: services\[0\]\.prts: .*ports/.test(line)),
    err,
  );
});

test('check of a file that is not there ends with 1', () => {
  const { status, err } = sluice('check', '/nowhere/sluice.yaml');
  assert.equal(status, 1);
  assert.match(err, /\/nowhere\/sluice\.yaml:1:1: the file does not exist \[FILE_UNREADABLE\]/);
});

test('schema prints the shipped schema', async () => {
  const { status, out } = sluice('schema');
  assert.equal(status, 0);
  assert.equal(out, await readFile(join(root, 'config/schema.json'), 'utf8'));
});

test('a command that does not exist is an error that shows the way', () => {
  const { status, err } = sluice('rum');
  assert.notEqual(status, 0);
  assert.match(err, /unknown command 'rum'/);
  assert.match(err, /sluice --help/);
});

test('the version is that of the package', async () => {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  assert.deepEqual(sluice('--version'), { status: 0, out: `${version}\n`, err: '' });
});
