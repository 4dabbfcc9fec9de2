import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { address, ask } from '../support/pods.ts';
import { until } from '../support/until.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('npm start runs the demo after a build', async () => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  assert.deepEqual([scripts.prestart, scripts.start], ['npm run build', 'node dist/main.js demo']);
});

test('the demo says what to try, shows both backends in turn, and is what it says', async (t) => {
  // The shipped configuration, on addresses of this test's own: somebody may run the demo on this machine.
  const moves = { '127.104.58.143': 1, '127.104.58.144': 2, '127.17.0.3': 11, '127.17.0.4': 12, '127.0.0.1:9090': 3 };
  let config = await readFile(join(root, 'config/sluice.yaml'), 'utf8');
  for (const [from, to] of Object.entries(moves))
    config = config.replaceAll(from, from.includes(':') ? `${address(to)}:9090` : address(to));
  const folder = await mkdtemp(join(tmpdir(), 'sluice-demo-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'sluice.yaml');
  await writeFile(file, config);
  const child = spawn(process.execPath, [join(root, 'dist/main.js'), 'demo', '--config', file]);
  t.after(() => child.kill('SIGKILL'));
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  await until(() => /\n {2}4\. .*\n/.test(out) || child.exitCode !== null, 'the turn is shown');
  const [vip, one, two] = [address(1), address(11), address(12)];
  assert.ok(out.includes(`  curl http://${vip}:8080/\n`), out);
  assert.ok(out.includes(`  curl http://${address(3)}:9090/services\n`), out);
  assert.ok(out.includes(`nc -u -w1 ${address(2)} 7007`), out);
  const shown = [...out.matchAll(/^ {2}\d\. hello from (.+):8080$/gm)].map((match) => match[1]);
  assert.deepEqual(shown, [one, two, one, two]);
  assert.equal(await ask(vip, { port: 8080 }), `hello from ${one}:8080\n`);
  assert.equal(await ask(vip, { port: 8080 }), `hello from ${two}:8080\n`);
  assert.match(await ask(address(3), { port: 9090 }), /\/metrics/);
  child.kill('SIGINT');
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
  assert.equal(errors, '');
});
