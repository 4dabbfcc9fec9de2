import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { builtProgram, startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { httpPodIn, Network, whatIsMissing } from './network.ts';
import { addressesIn, outputIn, whoAnswers } from './vip-traffic.ts';

const skip = whatIsMissing();
const run = promisify(execFile);

const service = (name: string, vips: readonly string[]) =>
  `  - { name: ${name}, vips: [${vips.map((vip) => `"${vip}"`).join(', ')}], ports: [{ port: 80 }], backends: ["127.0.0.2:8080"] }\n`;

function configOf(vips: Readonly<Record<string, readonly string[]>>, assign = '{}'): string {
  const services = Object.entries(vips).map(([name, list]) => service(name, list));
  return `vip: { mode: assign, assign: ${assign} }\nservices:\n${services.join('') || '  []\n'}`;
}

async function nodeWith(t: TestContext, word: string, config: string) {
  const network = new Network(t, word);
  const node = network.add('node');
  await httpPodIn(t, node, '127.0.0.2', 8080);
  const sluice = await startProgram(t, { config, prefix: ['ip', 'netns', 'exec', node] });
  return { network, node, sluice };
}

test('VIPs come and go with their services, and all of them go at the end', { skip }, async (t) => {
  const { node, sluice } = await nodeWith(t, 'assign', configOf({ web: ['10.96.0.1', 'fd00::1'] }));
  assert.deepEqual(addressesIn(node, 'lo'), ['10.96.0.1/32', 'fd00::1/128']);
  assert.equal(await whoAnswers(node, 'http://10.96.0.1/'), '127.0.0.2');
  assert.equal(await whoAnswers(node, 'http://[fd00::1]/'), '127.0.0.2');

  await sluice.configure(configOf({ web: ['10.96.0.1'], other: ['10.96.0.2'] }));
  await until(() => addressesIn(node, 'lo').join() === '10.96.0.1/32,10.96.0.2/32', 'the VIPs are the new ones');
  await until(async () => (await whoAnswers(node, 'http://10.96.0.2/')) === '127.0.0.2', 'the new one answers');

  sluice.signal('SIGTERM');
  assert.equal((await sluice.exited()).code, 0);
  assert.deepEqual(addressesIn(node, 'lo'), []);
});

test("an address that is somebody else's is used, and stays", { skip }, async (t) => {
  const network = new Network(t, 'foreign');
  const node = network.add('node');
  network.run(node, 'address', 'add', '10.96.0.1/32', 'dev', 'lo');
  await httpPodIn(t, node, '127.0.0.2', 8080);
  const sluice = await startProgram(t, {
    config: configOf({ web: ['10.96.0.1', '10.96.0.2'] }),
    prefix: ['ip', 'netns', 'exec', node],
  });
  assert.equal(await whoAnswers(node, 'http://10.96.0.1/'), '127.0.0.2');
  sluice.signal('SIGTERM');
  await sluice.exited();
  assert.deepEqual(addressesIn(node, 'lo'), ['10.96.0.1/32']);
});

test('an address that somebody removed comes back', { skip }, async (t) => {
  const { network, node, sluice } = await nodeWith(t, 'repair', configOf({ web: ['10.96.0.1'] }));
  network.run(node, 'address', 'delete', '10.96.0.1/32', 'dev', 'lo');
  const line = await sluice.line(({ msg }) => /put back/.test(msg), 'that it was put back');
  assert.equal(line.changes, 1);
  assert.equal(await whoAnswers(node, 'http://10.96.0.1/'), '127.0.0.2');
});

test('what a crashed run left is adopted, or cleaned up', { skip }, async (t) => {
  const network = new Network(t, 'crash');
  const node = network.add('node');
  const prefix = ['ip', 'netns', 'exec', node];
  const first = await startProgram(t, {
    config: configOf({ a: ['10.96.0.1', '10.96.0.2'] }, '{ anyIp: [10.112.0.0/16] }'),
    prefix,
  });
  await first.kill();
  assert.deepEqual(addressesIn(node, 'lo'), ['10.96.0.1/32', '10.96.0.2/32'], 'a crash leaves everything');
  const second = await startProgram(t, { config: configOf({ a: ['10.96.0.2', '10.96.0.3'] }), prefix });
  assert.deepEqual(addressesIn(node, 'lo'), ['10.96.0.2/32', '10.96.0.3/32']);
  assert.equal(
    second.lines().some(({ level }) => level === 'error'),
    false,
  );
  await second.kill();
  network.run(node, 'address', 'add', '10.96.0.9/32', 'dev', 'lo');
  const { stdout } = await run('ip', ['netns', 'exec', node, process.execPath, builtProgram, 'cleanup']);
  assert.equal(stdout, 'all of it was removed\n');
  assert.deepEqual(addressesIn(node, 'lo'), ['10.96.0.9/32'], 'and nothing else');
  assert.equal(
    (await run('ip', ['netns', 'exec', node, process.execPath, builtProgram, 'cleanup'])).stdout,
    'nothing was left\n',
  );
});

test('AnyIP: one route for all VIPs of a network', { skip }, async (t) => {
  const config = configOf(
    { web: ['10.112.5.1', '10.112.5.2', 'fd00:1::1'] },
    '{ anyIp: [10.112.0.0/16, "fd00:1::/112"] }',
  );
  const { node, sluice } = await nodeWith(t, 'anyip', config);
  assert.deepEqual(addressesIn(node, 'lo'), ['fd00:1::1/128'], 'IPv6 is bound only where it is an address');
  for (const host of ['10.112.5.1', '10.112.5.2', '[fd00:1::1]'])
    assert.equal(await whoAnswers(node, `http://${host}/`), '127.0.0.2');
  sluice.signal('SIGTERM');
  await sluice.exited();
  assert.equal(outputIn(node, 'ip', 'route', 'show', 'table', 'local', 'proto', '92'), '');
  assert.deepEqual(addressesIn(node, 'lo'), []);
});

test('another interface, and one that is not there', { skip }, async (t) => {
  const network = new Network(t, 'veth');
  const node = network.add('node');
  network.run(node, 'link', 'add', 'svc0', 'type', 'veth', 'peer', 'name', 'svc1');
  network.run(node, 'link', 'set', 'svc0', 'up');
  network.run(node, 'link', 'set', 'svc1', 'up');
  await httpPodIn(t, node, '127.0.0.2', 8080);
  const prefix = ['ip', 'netns', 'exec', node];
  const sluice = await startProgram(t, {
    config: configOf({ web: ['10.96.0.1', 'fd00::1'] }, '{ interface: svc0 }'),
    prefix,
  });
  assert.deepEqual(addressesIn(node, 'svc0'), ['10.96.0.1/32', 'fd00::1/128']);
  assert.equal(await whoAnswers(node, 'http://10.96.0.1/'), '127.0.0.2');
  assert.equal(await whoAnswers(node, 'http://[fd00::1]/'), '127.0.0.2');
  await sluice.configure(configOf({ web: ['10.96.0.1'] }, '{ interface: none0 }'));
  const line = await sluice.line(({ code }) => code === 'VIP_COMMAND_FAILED', 'that there is no such interface');
  assert.match(line.msg, /^"ip address add 10\.96\.0\.1\/32 dev none0 .*" failed: .*none0/);
  await sluice.configure(configOf({ web: ['10.96.0.1'] }));
  await until(() => addressesIn(node, 'lo').join() === '10.96.0.1/32', 'it is on lo');
  await sluice.line(({ msg }) => /^solved: "ip address add/.test(msg), 'that it is solved');
});
