import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { builtProgram, type Program, startProgram } from '../support/program.ts';
import { samplesOf } from '../support/prometheus-text.ts';
import { until } from '../support/until.ts';
import { httpPodIn, Network, whatIsMissing } from './network.ts';
import { addressesIn, cleanUpIn, hasProgram, outputIn, TcpClient, whoAnswers } from './vip-traffic.ts';

/* Two sluices in one network namespace: what makes VIPs land there is one's, the other waits for it. */

const skip = whatIsMissing() || (hasProgram('nft') ? false : 'the program nft (nftables) is missing');

const config = (mode: string, name: string, vip: string) => `
vip: { mode: ${mode} }
services: [{ name: ${name}, vip: ${vip}, ports: [{ port: 80 }], backends: ["127.0.0.2:8080"] }]
`;

interface Host {
  readonly node: string;
  /** Runs one there; not ready is no reason to wait. */
  readonly start: (text: string) => Promise<Program>;
}

async function hostWith(t: TestContext, word: string): Promise<Host> {
  const network = new Network(t, word);
  const node = network.add('node');
  network.run(node, 'route', 'add', 'default', 'dev', 'lo');
  await httpPodIn(t, node, '127.0.0.2', 8080);
  const start = (text: string) =>
    startProgram(t, { config: text, prefix: ['ip', 'netns', 'exec', node], waitForReady: false });
  return { node, start };
}

const isReady = (program: Program) =>
  until(async () => (await program.get('/readyz').catch(() => ({ status: 0 }))).status === 200, 'it is ready');
const started = (program: Program) => program.line(({ msg }) => msg === 'sluice has started', 'that it has started');
const heldBy = (program: Program) => program.line(({ code }) => code === 'VIP_HELD_BY_OTHER', 'who has the host');

/** What is on the host because of sluice. */
function stateOf(node: string): string {
  return `${addressesIn(node, 'lo').join()}\n${outputIn(node, 'nft', 'list', 'ruleset')}`;
}

for (const [mode, other] of [
  ['assign', 'redirect'],
  ['redirect', 'assign'],
] as const) {
  test(`${mode}, and ${other} beside it: the second touches nothing until the first has crashed`, {
    skip,
  }, async (t) => {
    const { node, start } = await hostWith(t, `two-${mode}-${other}`);
    const first = await start(config(mode, 'a', '10.96.0.1'));
    await isReady(first);
    const state = stateOf(node);
    const second = await start(config(other, 'b', '10.96.0.2'));
    const { msg } = await heldBy(second);
    assert.match(msg, new RegExp(`^another sluice \\(pid ${first.pid}: sluice run --config ${first.folder}/`));
    await started(second);
    const { vips, status } = await second.ready();
    assert.equal(status, 'unready', 'nobody reaches what it has');
    assert.deepEqual(
      vips.problems.map(({ code }) => code),
      ['VIP_HELD_BY_OTHER'],
    );
    assert.equal(samplesOf(await second.metrics(), 'sluice_vip_problems')[0]?.value, 1);
    assert.equal(await whoAnswers(node, 'http://10.96.0.1/'), '127.0.0.2');
    assert.equal(stateOf(node), state);

    await first.kill();
    await isReady(second);
    await until(async () => (await whoAnswers(node, 'http://10.96.0.2/')) === '127.0.0.2', 'it has taken over');
    await until(() => !stateOf(node).includes('10.96.0.1'), 'what the crashed one left is adopted');
    assert.equal(
      second.lines().filter(({ code, level }) => code === 'VIP_HELD_BY_OTHER' && level === 'error').length,
      1,
    );
    second.signal('SIGTERM');
    assert.equal((await second.exited()).code, 0);
    assert.equal(stateOf(node), '\n');
    assert.ok(!first.lines().some(({ msg: line }) => /put back/.test(line)), 'nobody fought');
  });
}

test('the end of one who waits takes nothing from the other', { skip }, async (t) => {
  const { node, start } = await hostWith(t, 'ends');
  const first = await start(config('redirect', 'a', '10.96.0.1'));
  await isReady(first);
  const state = stateOf(node);
  const second = await start(config('redirect', 'b', '10.96.0.2'));
  await heldBy(second);
  second.signal('SIGTERM');
  assert.equal((await second.exited()).code, 0);
  assert.equal(stateOf(node), state);
  assert.equal(await whoAnswers(node, 'http://10.96.0.1/'), '127.0.0.2');
});

test('modes that change nothing on the host wait for nobody', { skip }, async (t) => {
  const { node, start } = await hostWith(t, 'modes');
  await isReady(await start(config('assign', 'a', '10.96.0.1')));
  for (const [mode, vip] of [
    ['listen', '127.0.0.9'],
    ['loopback', '10.96.0.8'],
  ] as const) {
    const other = await start(config(mode, 'b', vip));
    await isReady(other);
    assert.equal(await whoAnswers(node, `http://${vip.replace('10.', '127.')}/`), '127.0.0.2');
    assert.deepEqual((await other.ready()).vips.problems, []);
  }
});

test('cleanup refuses while a sluice runs that owns it, draining or not', { skip }, async (t) => {
  const { node, start } = await hostWith(t, 'cleanup');
  const sluice = await start(`drainTimeout: 1m\n${config('assign', 'a', '10.96.0.1')}`);
  await isReady(sluice);
  const refused = async () => {
    const words = ['netns', 'exec', node, process.execPath, builtProgram, 'cleanup'];
    const failed = await promisify(execFile)('ip', words).then(
      () => ({ code: 0, stderr: '' }),
      (error: { code: number; stderr: string }) => error,
    );
    assert.equal(failed.code, 1);
    assert.match(
      failed.stderr,
      new RegExp(`^another sluice \\(pid ${sluice.pid}: .* end it first \\[VIP_HELD_BY_OTHER\\]\\n$`),
    );
    assert.deepEqual(addressesIn(node, 'lo'), ['10.96.0.1/32']);
  };
  await refused();
  await TcpClient.start(t, node, '10.96.0.1', 80);
  sluice.signal('SIGTERM');
  await sluice.line(({ msg }) => msg === 'draining', 'that it drains');
  await refused();
  await sluice.kill();
  assert.equal(cleanUpIn(node), 'all of it was removed\n');
});
