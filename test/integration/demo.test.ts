import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { address, ask } from '../support/pods.ts';
import { until } from '../support/until.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const main = join(root, 'dist/main.js');

test('npm start runs the demo after a build, with no shell between that would keep signals from it', async () => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  assert.deepEqual([scripts.prestart, scripts.start], ['npm run build', 'exec node dist/main.js demo']);
});

test('the demo says what to try, shows both backends in turn, and is what it says', async (t) => {
  // The shipped configuration, on addresses of this test's own: somebody may run the demo on this machine.
  const moves = { '127.104.58.143': 1, '127.104.58.144': 2, '127.17.0.3': 11, '127.17.0.4': 12, '127.0.0.1:9090': 3 };
  let config = await readFile(join(root, 'config/sluice.yaml'), 'utf8');
  for (const [from, to] of Object.entries(moves))
    config = config.replaceAll(from, from.includes(':') ? `${address(to)}:9090` : address(to));
  const file = await written(t, config);
  const child = spawn(process.execPath, [main, 'demo', '--config', file]);
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

test('services may share a backend', async (t) => {
  const config = `admin: { listen: off }
services:
  - { name: one, vip: ${address(1)}, ports: [{ port: 8080 }], backends: [${address(11)}] }
  - { name: two, vip: ${address(2)}, ports: [{ port: 8080 }], backends: [${address(11)}] }
`;
  const child = spawn(process.execPath, [main, 'demo', '--config', await written(t, config)], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  const answer = () => ask(address(2), { port: 8080 }).catch(() => undefined);
  await until(async () => (await answer()) !== undefined || child.exitCode !== null, 'the demo serves');
  assert.equal(await answer(), `hello from ${address(11)}:8080\n`);
});

test('a backend that the demo cannot stand in for is told in one line, with what to do', async (t) => {
  const backend = (address: string) => `services:
  - { name: dns, vip: ${address}, ports: [{ port: 53, protocol: UDP }], backends: ['${address}:7007'] }
`;
  const holder = createSocket('udp4');
  t.after(() => holder.close());
  holder.bind(7007, address(11));
  await once(holder, 'listening');
  const refusals = [
    [address(11), /^the demo cannot stand in for the backend \S+\/UDP \(EADDRINUSE\): .*\n$/],
    ['192.0.2.1', /^the demo cannot .* 192\.0\.2\.1:7007\/UDP \(EADDRNOTAVAIL\): .* not an address of this host.*\n$/],
  ] as const;
  const options = { encoding: 'utf8', timeout: 15_000 } as const;
  for (const [address, line] of refusals) {
    const file = await written(t, backend(address));
    const { status, stderr } = spawnSync(process.execPath, [main, 'demo', '--config', file], options);
    assert.equal(status, 1);
    assert.match(stderr, line);
  }
});

async function written(t: TestContext, config: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-demo-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'sluice.yaml');
  await writeFile(file, config);
  return file;
}
