import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Program, startProgram } from '../support/program.ts';
import { samplesOf } from '../support/prometheus-text.ts';
import { until } from '../support/until.ts';
import { httpPodIn, Network, whatIsMissing } from './network.ts';
import { hasProgram, whoAnswers } from './vip-traffic.ts';

/* What keeps VIPs from a host is in /readyz, with its cause, for as long as it is there; the rest is served meanwhile. */

const skip = whatIsMissing() || (hasProgram('nft') ? false : 'the program nft (nftables) is missing');

const config = (mode: string) => `
vip: { mode: ${mode} }
services:
  - { name: vip, vips: ["10.96.0.1", "fd00::1"], ports: [{ port: 80 }], backends: ["127.0.0.2:8080"] }
  - { name: local, vip: 127.0.0.5, ports: [{ port: 80 }], backends: ["127.0.0.2:8080"] }
`;

async function nodeWith(t: TestContext, word: string): Promise<string> {
  const network = new Network(t, word);
  const node = network.add('node');
  // As hosts with a default route have, the node has a way to every VIP: without any, nothing is sent that could be redirected.
  for (const family of ['-4', '-6']) network.run(node, family, 'route', 'add', 'default', 'dev', 'lo');
  await httpPodIn(t, node, '127.0.0.2', 8080);
  return node;
}

/** A folder for PATH with these programs and no others. */
async function pathWith(t: TestContext, ...names: string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-path-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const name of names) await addProgram(folder, name);
  return folder;
}

function addProgram(folder: string, name: string): Promise<void> {
  const path = execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
  return symlink(path, join(folder, name));
}

const inNode = (node: string, ...words: string[]) => [
  execFileSync('sh', ['-c', 'command -v ip'], { encoding: 'utf8' }).trim(),
  ...['netns', 'exec', node, 'env', ...words],
];

/** The codes of what is in the way of VIPs, and what the metric says of it. */
async function problemsOf(sluice: Program): Promise<{ messages: string[]; status: string; metric: number }> {
  const { vips, status } = await sluice.ready();
  const [sample] = samplesOf(await sluice.metrics(), 'sluice_vip_problems');
  return { messages: vips.problems.map(({ message }) => message), status, metric: sample?.value ?? -1 };
}

test('assign without the program ip: said, the rest is served, and it goes when ip is there', { skip }, async (t) => {
  const node = await nodeWith(t, 'noip');
  const path = await pathWith(t, 'nft', 'conntrack');
  const sluice = await startProgram(t, { config: config('assign'), prefix: inNode(node, `PATH=${path}`) });
  const { messages, status, metric } = await problemsOf(sluice);
  assert.deepEqual(messages, ['there is no program ip, which is needed to add VIPs to this host: install iproute2']);
  assert.deepEqual([status, metric], ['degraded', 1]);
  assert.equal(await whoAnswers(node, 'http://127.0.0.5/'), '127.0.0.2');

  await addProgram(path, 'ip');
  await until(async () => (await sluice.ready()).status === 'ready', 'it is mended');
  assert.deepEqual(await problemsOf(sluice), { messages: [], status: 'ready', metric: 0 });
  assert.equal(await whoAnswers(node, 'http://10.96.0.1/'), '127.0.0.2');
  assert.equal(await whoAnswers(node, 'http://[fd00::1]/'), '127.0.0.2');
});

test('redirect without the program nft is unready until it is there', { skip }, async (t) => {
  const node = await nodeWith(t, 'nonft');
  const path = await pathWith(t, 'ip', 'conntrack');
  const sluice = await startProgram(t, {
    config: config('redirect'),
    prefix: inNode(node, `PATH=${path}`),
    waitForReady: false,
  });
  const ready = async () => (await sluice.get('/readyz').catch(() => ({ status: 0, body: '' }))).body;
  await until(async () => (await ready()).includes('vips-not-redirected'), 'it says that nothing is redirected');
  const { messages, status } = await problemsOf(sluice);
  assert.deepEqual(messages, ['there is no program nft, which is needed to redirect VIPs: install nftables']);
  assert.equal(status, 'unready');

  const { body } = await sluice.get('/explain?client=127.0.0.1&frontend=10.96.0.1:80');
  assert.match(body, /"reason":"vips-not-redirected"/);

  await addProgram(path, 'nft');
  await until(async () => (await sluice.ready()).status === 'ready', 'it is mended');
  assert.equal(await whoAnswers(node, 'http://10.96.0.1/'), '127.0.0.2');
  assert.equal(await whoAnswers(node, 'http://[fd00::1]/'), '127.0.0.2');
});

for (const mode of ['assign', 'redirect']) {
  test(`${mode} without CAP_NET_ADMIN: one problem for each cause, and what to do`, { skip }, async (t) => {
    const node = await nodeWith(t, `nocap-${mode}`);
    const sluice = await startProgram(t, {
      config: config(mode),
      prefix: inNode(node, 'setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'),
      waitForReady: false,
    });
    await sluice.line(({ msg }) => msg === 'sluice has started', 'that it has started');
    const { messages } = await problemsOf(sluice);
    assert.equal(messages.length, 2);
    assert.match(
      messages[0] ?? '',
      /^"ip address add .* Operation not permitted \(and 1 more like it\); it needs CAP_/,
    );
    assert.match(messages[1] ?? '', /^"nft -j list table inet sluice" failed: .*; it needs CAP_NET_ADMIN, see sluice/);
    if (mode === 'assign') assert.equal(await whoAnswers(node, 'http://127.0.0.5/'), '127.0.0.2');
    sluice.signal('SIGTERM');
    assert.equal((await sluice.exited()).code, 0);
    assert.ok(!sluice.lines().some(({ msg }) => msg.startsWith('solved:')), 'ending solves nothing');
  });
}
