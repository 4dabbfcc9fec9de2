import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { nativeIsMissing } from '../support/native-addon.ts';
import { startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { httpPodIn, Network, whatIsMissing } from './network.ts';
import { Talker } from './talker.ts';
import { hasProgram, outputIn, whoAnswers } from './vip-traffic.ts';

/* Options of sockets that only the native engine can set, as the network sees them. */

const skip = whatIsMissing() || nativeIsMissing();
const skipNft = skip || (hasProgram('nft') ? false : 'the program nft (nftables) is missing');

function nodeOf(t: TestContext, word: string) {
  const network = new Network(t, word);
  return { network, node: network.add('node') };
}

const inNode = (node: string) => ['ip', 'netns', 'exec', node];
const listening = (node: string) => outputIn(node, 'ss', '-Hlnt').match(/\S+:80(?= )/g) ?? [];

test('freeBind: a VIP is listened on before it is there, and after it has gone', { skip }, async (t) => {
  const { network, node } = nodeOf(t, 'freebind');
  await httpPodIn(t, node, '127.0.0.2', 8080);
  const services = `services: [{ name: web, vips: [10.96.0.1, "fd00::1"], ports: [{ port: 80 }], backends: ["127.0.0.2:8080"] }]`;
  const config = (freeBind: boolean) =>
    `engine: native\nvip: { mode: listen, listen: { freeBind: ${freeBind} } }\n${services}`;
  const sluice = await startProgram(t, { config: config(false), prefix: inNode(node), waitForReady: false });
  const failed = await sluice.line(({ code }) => code === 'EADDRNOTAVAIL', 'that a VIP is not there');
  assert.match(failed.msg, /vip\.listen\.freeBind/);
  assert.deepEqual(listening(node), []);

  await sluice.configure(config(true));
  await until(() => listening(node).length === 2, 'both VIPs are listened on');
  for (let times = 0; times < 2; times += 1) {
    network.run(node, 'address', 'add', '10.96.0.1/32', 'dev', 'lo');
    network.run(node, 'address', 'add', 'fd00::1/128', 'dev', 'lo', 'nodad');
    assert.equal(await whoAnswers(node, 'http://10.96.0.1/'), '127.0.0.2');
    // The kernel has an IPv6 address a moment later, by a work queue.
    await until(async () => (await whoAnswers(node, 'http://[fd00::1]/')) === '127.0.0.2', 'IPv6 answers');
    network.run(node, 'address', 'delete', '10.96.0.1/32', 'dev', 'lo');
    network.run(node, 'address', 'delete', 'fd00::1/128', 'dev', 'lo');
    assert.deepEqual(listening(node).sort(), ['10.96.0.1:80', '[fd00::1]:80']);
  }
});

test('mark: nftables knows the packets to endpoints by it, and no others', { skip: skipNft }, async (t) => {
  const { node } = nodeOf(t, 'mark');
  await httpPodIn(t, node, '127.0.0.2', 8080);
  outputIn(node, 'nft', 'add table inet t; add chain inet t out { type filter hook output priority 0; }');
  for (const rule of [
    'tcp dport 8080 meta mark 0x8000005c',
    'tcp dport 8080 meta mark != 0x8000005c',
    'meta mark != 0 tcp dport != 8080',
  ])
    outputIn(node, 'nft', `add rule inet t out ${rule} counter`);
  await startProgram(t, {
    config: `engine: native
mark: 0x8000005c
services: [{ name: web, vip: 127.0.0.9, ports: [{ port: 80 }], backends: ["127.0.0.2:8080"] }]`,
    prefix: inNode(node),
  });
  assert.equal(await whoAnswers(node, 'http://127.0.0.9/'), '127.0.0.2');
  const [marked, unmarked, others] = Array.from(
    outputIn(node, 'nft', 'list', 'chain', 'inet', 't', 'out').matchAll(/packets (\d+)/g),
    ([, count]) => Number(count),
  );
  assert.ok(Number(marked) > 0);
  assert.deepEqual([unmarked, others], [0, 0]);
});

test('userTimeout: an endpoint that has vanished ends the connection, by its name', { skip: skipNft }, async (t) => {
  const { node } = nodeOf(t, 'vanish');
  await httpPodIn(t, node, '127.0.0.2', 8080);
  const sluice = await startProgram(t, {
    config: `engine: native
log: { access: { level: info } }
tcp: { userTimeout: 200ms }
services: [{ name: web, vip: 127.0.0.9, ports: [{ port: 80 }], backends: ["127.0.0.2:8080"] }]`,
    prefix: inNode(node),
  });
  const client = await Talker.start(t, node, '127.0.0.9', 80);
  client.send('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await until(() => client.heard.includes('127.0.0.2'), 'the endpoint answers');
  outputIn(node, 'nft', 'add table inet t; add chain inet t in { type filter hook input priority 0; }');
  outputIn(node, 'nft', 'add rule inet t in ip daddr 127.0.0.2 drop');
  const line = sluice.line(({ reason }) => reason === 'error', 'that the connection has ended');
  client.send('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  const { by, errorCode, retransmits } = await line;
  assert.deepEqual([by, errorCode], ['endpoint', 'ETIMEDOUT']);
  assert.ok(Number(retransmits) > 0);
});
