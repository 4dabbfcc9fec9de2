import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { check } from '../../src/cli/check.ts';
import { parseDocument } from '../../src/config/document.ts';
import { configJsonSchema } from '../../src/config/schema.ts';
import { serviceText, sliceText } from '../feed/file/support.ts';

const root = join(import.meta.dirname, '../..');
const examples = join(root, 'config/examples');

function folderWith(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-check-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const config = `services:
  - name: web
    vip: 127.104.58.143
    policy: powerOfTwo
    sessionAffinity: ClientIP
    ports: [{ name: http, port: 8080 }]
    backends: [127.17.0.3, { address: 127.17.0.4, port: 81, weight: 3 }, { address: 127.17.0.5, ready: false }]
feeds: [{ file: { path: services } }]
`;

test('a configuration: its services and those of its feeds', async (t) => {
  const folder = folderWith(t, { 'c.yaml': config, 'services/a.yaml': serviceText('empty', '127.104.58.144') });
  const { table, problems } = await check([join(folder, 'c.yaml')]);
  assert.deepEqual(problems, []);
  assert.equal(
    table,
    `FRONTEND                  SERVICE            POLICY       AFFINITY      ENDPOINTS
127.104.58.143:8080/TCP   default/web:http   powerOfTwo   ClientIP 3h   127.17.0.3:8080, 127.17.0.4:81×3, 127.17.0.5:8080 (not ready)
127.104.58.144:80/TCP     default/empty      roundRobin   -             none
`,
  );
});

test('what is not proxied is named with the reason', async (t) => {
  const headless = serviceText('peers').replace(/clusterIP: \S+/, 'clusterIP: None');
  assert.match(headless, /clusterIP: None/);
  const { table, problems } = await check([join(folderWith(t, { 's.yaml': headless }), 's.yaml')]);
  assert.deepEqual(problems, []);
  assert.match(table, /^- +default\/peers +- +- +not proxied \(headless\)$/m);
});

test('manifests in several files stand together', async (t) => {
  const folder = folderWith(t, {
    's.yaml': serviceText('web'),
    'e.yaml': `# slices\n---\n${sliceText('web-1', 'web')}`,
  });
  const { table, problems } = await check([join(folder, 's.yaml'), join(folder, 'e.yaml')]);
  assert.deepEqual(problems, []);
  assert.match(table, /^10\.96\.0\.1:80\/TCP +default\/web +roundRobin +- +10\.0\.0\.1:8080$/m);
  const whole = await check([folder]);
  assert.equal(whole.table, table);
});

const rows: readonly [string, string, RegExp][] = [
  ['a wrong configuration', 'services: [{ name: a }]', /^CONFIG_/],
  ['a wrong manifest', serviceText('a').replace('80', 'x'), /^MANIFEST_INVALID$/],
  ['a broken manifest', `${serviceText('a')}---\na: [`, /^MANIFEST_SYNTAX$/],
  ['an empty file', '', /^FILE_EMPTY$/],
  ['a feed that is missing', 'feeds: [{ file: { path: none } }]', /^FILE_UNREADABLE$/],
];
for (const [name, text, code] of rows) {
  test(`${name} is a problem`, async (t) => {
    const { problems } = await check([join(folderWith(t, { 'f.yaml': text }), 'f.yaml')]);
    assert.ok(problems.length > 0);
    for (const problem of problems) assert.match(problem.code, code);
  });
}

test('two feeds that want one VIP:PORT are a problem', async (t) => {
  const text = `${config.replace('8080 }', '80 }')}`.replace('127.104.58.143', '10.96.0.1');
  const folder = folderWith(t, { 'c.yaml': text, 'services/a.yaml': serviceText('other') });
  const { problems } = await check([join(folder, 'c.yaml')]);
  assert.deepEqual(
    problems.map((problem) => problem.code),
    ['TABLE_VIP_CONFLICT'],
  );
});

/** A process of its own: the test runner speaks on the standard output of this one. */
function run(files: readonly string[]) {
  const argv = ['--import', 'tsx', join(root, 'src/main.ts'), 'check', ...files];
  const { stdout, stderr, status } = spawnSync(process.execPath, argv, { encoding: 'utf8', cwd: root });
  return { out: stdout, err: stderr, code: status };
}

test('the command prints a table and exits with 0', () => {
  const { out, err, code } = run([join(examples, 'minimal.yaml')]);
  assert.match(out, /^FRONTEND .*\n127\.104\.58\.143:8080\/TCP .* 127\.17\.0\.3:8080, 127\.17\.0\.4:8080$/m);
  assert.deepEqual([err, code], ['', 0]);
});

test('the command names what is wrong, one line each, and exits with 1', (t) => {
  const file = join(folderWith(t, { 'c.yaml': 'log: { levle: info }\ndrainTimeout: 3' }), 'c.yaml');
  const { err, code } = run([file]);
  const lines = err.trimEnd().split('\n');
  assert.equal(lines.length, 2);
  assert.equal(lines[0], `${file}:1:8: log.levle: unknown key "levle"; did you mean "level"? [CONFIG_UNKNOWN_KEY]`);
  assert.equal(code, 1);
});

for (const name of readdirSync(examples)) {
  test(`the example ${name} is right`, async () => {
    const { problems } = await check([join(examples, name)]);
    assert.deepEqual(problems, []);
    if (!name.endsWith('.yaml')) return;
    assert.match(readFileSync(join(examples, name), 'utf8'), /^# yaml-language-server: \$schema=\.\.\/schema\.json\n/);
  });
}

/** Every key that has a default, and that, below a node of the JSON Schema. */
function defaultsOf(node: Record<string, unknown>): unknown {
  const properties = node.properties as Record<string, Record<string, unknown>> | undefined;
  if (properties === undefined) return node.default;
  const entries = Object.entries(properties).map(([key, child]): [string, unknown] => [key, defaultsOf(child)]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

test('the example full.yaml has every key at its default', () => {
  const document = parseDocument(readFileSync(join(examples, 'full.yaml'), 'utf8'));
  assert.deepEqual(document.kind === 'ok' && document.value, defaultsOf(configJsonSchema()));
});

test('the scenario as people write it: a service with a selector, and its pods', async () => {
  const { table, problems } = await check([join(import.meta.dirname, '../fixtures/webserver.yaml')]);
  assert.deepEqual(problems, []);
  assert.match(table, /^10\.104\.58\.143:80\/TCP .* 172\.17\.0\.3:8080, 172\.17\.0\.4:8080$/m);
});

test("what the configuration says of the node counts: its node ports, and our proxy's name", async (t) => {
  const config = `node: { addresses: [192.0.2.10] }
serviceProxyName: sluice
feeds: [{ file: { path: m.yaml } }]`;
  const manifest = `apiVersion: v1
kind: Service
metadata: { name: web, labels: { service.kubernetes.io/service-proxy-name: sluice } }
spec: { type: NodePort, clusterIP: 10.96.0.1, ports: [{ port: 80, nodePort: 30080 }] }
`;
  const folder = folderWith(t, { 'c.yaml': config, 'm.yaml': manifest });
  const { table, problems } = await check([join(folder, 'c.yaml')]);
  assert.deepEqual(problems, []);
  assert.match(table, /^192\.0\.2\.10:30080\/TCP /m);
});
