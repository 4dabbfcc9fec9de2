import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Program, type ProgramInit, startProgram } from '../support/program.ts';
import { sumOfSamples } from '../support/prometheus-text.ts';
import { until } from '../support/until.ts';
import { Network, whatIsMissing } from './network.ts';
import { addressesIn, hasProgram, hasTable, outputIn, TcpClient, talkerIn, whoAnswers } from './vip-traffic.ts';

/* A sluice that drains keeps what makes VIPs land on the host, for as long as anybody needs it. */

const skip = whatIsMissing() || (hasProgram('nft') ? false : 'the program nft (nftables) is missing');
const vip = '10.96.0.1';

const config = (vipConfig: string) => `
vip: ${vipConfig}
drainTimeout: 1m
services: [{ name: web, vip: ${vip}, ports: [{ port: 80 }], backends: ["127.0.0.2:8080"] }]
`;

const vipConfigs = {
  assign: '{ mode: assign }',
  redirect: '{ mode: redirect, redirect: { from: [172.17.0.0/16] } }',
} as const;

async function hostWith(t: TestContext, word: string, vipConfig: string) {
  const network = new Network(t, word);
  const [node, outside] = [network.add('node'), network.add('outside')];
  network.bridge(
    new Map([
      [node, '172.17.0.1/16'],
      [outside, '172.17.0.100/16'],
    ]),
  );
  network.run(node, 'route', 'add', 'default', 'dev', 'lo');
  network.run(outside, 'route', 'add', 'default', 'via', '172.17.0.1');
  await talkerIn(t, node, '127.0.0.2', 8080);
  const start = (init: Partial<ProgramInit> = {}) =>
    startProgram(t, { config: config(vipConfig), prefix: ['ip', 'netns', 'exec', node], ...init });
  return { node, outside, start };
}

const isClean = (node: string) => addressesIn(node, 'lo').length === 0 && !hasTable(node);
const active = async (sluice: Program) => sumOfSamples(await sluice.metrics(), 'sluice_flows_active');

for (const [name, vipConfig] of Object.entries(vipConfigs)) {
  test(`${name}: the VIP stays until the last connection has ended`, { skip }, async (t) => {
    const { node, outside, start } = await hostWith(t, `held-${name}`, vipConfig);
    const sluice = await start();
    const client = await TcpClient.start(t, outside, vip, 80);
    client.say('read');
    client.say('hello');
    await until(() => client.seen.bytes === 5, 'it is answered');
    sluice.signal('SIGTERM');
    await sluice.line(({ msg }) => msg === 'draining', 'that it drains');
    assert.equal(await whoAnswers(outside, `http://${vip}/`), 'curl 7', 'newcomers are refused');
    client.say('again');
    await until(() => client.seen.bytes === 10, 'it is answered still');
    client.say('end');
    await until(() => client.seen.word === 'end', 'its end gets there');
    assert.equal((await sluice.exited()).code, 0);
    assert.ok(isClean(node));
  });

  test(`${name}: what the kernel has yet to deliver is delivered before the VIP goes`, { skip }, async (t) => {
    const { node, outside, start } = await hostWith(t, `tail-${name}`, vipConfig);
    // More than a client takes that does not read, and much less than what a socket of sluice holds.
    const bytes = 200_000;
    outputIn(outside, 'sysctl', '-w', 'net.ipv4.tcp_rmem=4096 16384 16384');
    outputIn(node, 'sysctl', '-w', 'net.ipv4.tcp_wmem=4096 2097152 2097152');
    const sluice = await start();
    const client = await TcpClient.start(t, outside, vip, 80);
    client.say(`${bytes}`);
    client.say('end');
    const closed = async () => sumOfSamples(await sluice.metrics(), 'sluice_flows_closed_total');
    await until(async () => (await closed()) === 1, 'the connection has ended for sluice');
    sluice.signal('SIGTERM');
    await sluice.line(({ msg }) => msg === 'delivering', 'that it waits for the kernel');
    client.say('read');
    await until(() => client.seen.word === 'end', 'its end gets there');
    assert.equal(client.seen.bytes, bytes);
    const { code, afterMs } = await sluice.exited();
    assert.equal(code, 0);
    assert.ok(afterMs < 30_000, 'it has not waited for the drain timeout');
    assert.ok(isClean(node));
  });
}

test('a client that is gone without a word holds up the end for seconds only', { skip }, async (t) => {
  const { node, outside, start } = await hostWith(t, 'gone', vipConfigs.assign);
  const sluice = await start();
  const client = await TcpClient.start(t, outside, vip, 80);
  client.say('read');
  client.say('hello');
  await until(() => client.seen.bytes === 5, 'it is answered');
  // From here on it answers nothing.
  outputIn(outside, 'nft', 'add', 'table', 'inet', 'gone');
  outputIn(outside, 'nft', 'add', 'chain', 'inet', 'gone', 'in', '{ type filter hook input priority 0; policy drop; }');
  client.say('again');
  client.say('end');
  const closed = async () => sumOfSamples(await sluice.metrics(), 'sluice_flows_closed_total');
  await until(async () => (await closed()) === 1, 'the connection has ended for sluice');
  sluice.signal('SIGTERM');
  await sluice.line(({ msg }) => msg === 'delivering', 'that it waits for the kernel');
  const { code, afterMs } = await sluice.exited();
  assert.equal(code, 0);
  assert.ok(afterMs < 30_000, `${afterMs} ms`);
  assert.ok(isClean(node));
});

for (const [name, order] of [
  ['assign', 'before'],
  ['redirect', 'after'],
] as const) {
  test(`${name}: a new one that starts ${order} the old one drains takes over at once`, { skip }, async (t) => {
    const { node, outside, start } = await hostWith(t, `${order}-${name}`, vipConfigs[name]);
    const old = await start();
    const client = await TcpClient.start(t, outside, vip, 80);
    client.say('read');
    client.say('hello');
    await until(() => client.seen.bytes === 5, 'it is answered');
    const drains = async () => {
      old.signal('SIGTERM');
      await old.line(({ msg }) => msg === 'draining', 'that it drains');
    };
    if (order === 'after') await drains();
    const next = await start({ waitForReady: false });
    if (order === 'before') {
      await next.line(({ code }) => code === 'VIP_HELD_BY_OTHER', 'who has the host');
      await drains();
    }
    await old.line(({ msg }) => msg.startsWith('another sluice has taken over'), 'that another one has the host');
    await until(async () => (await next.get('/readyz').catch(() => ({ status: 0 }))).status === 200, 'it is ready');
    const newcomer = await TcpClient.start(t, outside, vip, 80);
    assert.equal(newcomer.seen.word, 'connected');
    await until(async () => (await active(next)) === 1, "newcomers are the new one's");
    client.say('again');
    await until(() => client.seen.bytes === 10, 'the old one serves whom it has');
    client.say('end');
    assert.equal((await old.exited()).code, 0);
    newcomer.say('read');
    newcomer.say('hello');
    await until(() => newcomer.seen.bytes === 5, 'the end of the old one takes nothing from the new one');
    assert.ok(!isClean(node));
    const errors = next.lines().filter(({ code, level }) => level === 'error' && code === 'VIP_HELD_BY_OTHER');
    assert.equal(errors.length, order === 'before' ? 1 : 0, 'who need not wait has no problem');
  });
}
