import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ExplainResponse } from '../../src/admin/explain-shape.ts';
import { type Program, startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { httpPodIn, Network, whatIsMissing } from './network.ts';
import { addressesIn, hasProgram, hasTable, outputIn, UdpClient, udpPodIn, whoAnswers } from './vip-traffic.ts';

const skip = whatIsMissing() || (hasProgram('nft') ? false : 'the program nft (nftables) is missing');
const skipUdp = skip || (hasProgram('conntrack') ? false : 'the program conntrack is missing');

const [clusterIp, secondIp, externalIp, sixIp] = ['10.96.0.1', '10.96.0.2', '192.0.2.10', 'fd00:96::1'];
const pod = '172.17.0.3';

const manifest = (clusterIps: readonly string[], externalIps: readonly string[]) => `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec:
  type: NodePort
  clusterIPs: [${clusterIps.map((each) => `"${each}"`).join(', ')}]
  externalIPs: [${externalIps.join(', ')}]
  ports: [{ name: http, port: 80, targetPort: 8080, nodePort: 30080 }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-4, namespace: default, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: http, port: 8080 }]
endpoints: [{ addresses: [${pod}] }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-6, namespace: default, labels: { kubernetes.io/service-name: web } }
addressType: IPv6
ports: [{ name: http, port: 8080 }]
endpoints: [{ addresses: ["fd00:17::3"] }]
`;

/** What a process configuration says where pods, and nobody else, reach ClusterIPs. */
const config = (services = 'feeds: [{ file: { path: ./web.yaml } }]') =>
  `vip: { mode: redirect, redirect: { from: [172.17.0.0/28, "fd00:17::/120"] } }\n${services}`;

interface Node {
  readonly node: string;
  readonly pod: string;
  readonly outside: string;
  readonly start: (text?: string, files?: Readonly<Record<string, string>>) => Promise<Program>;
}

/** A node, a pod in the network of `from`, and a host outside of it that sends everything by way of the node. */
async function nodeWith(t: TestContext, word: string): Promise<Node> {
  const network = new Network(t, word);
  const [node, podSpace, outside] = [network.add('node'), network.add('pod'), network.add('outside')];
  network.bridge(
    new Map([
      [node, '172.17.0.1/16'],
      [podSpace, `${pod}/16`],
      [outside, '172.17.0.100/16'],
    ]),
  );
  for (const [name, address] of [
    [node, 'fd00:17::1'],
    [podSpace, 'fd00:17::3'],
    [outside, 'fd00:17::100'],
  ] as const)
    network.run(name, 'address', 'add', `${address}/112`, 'dev', 'eth0', 'nodad');
  // The node has a way to every VIP, as hosts with a default route have.
  network.run(node, 'route', 'add', 'default', 'via', '172.17.0.200');
  network.run(node, '-6', 'route', 'add', 'default', 'via', 'fd00:17::200');
  outputIn(node, 'sysctl', '-w', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  for (const name of [podSpace, outside]) {
    network.run(name, 'route', 'add', 'default', 'via', '172.17.0.1');
    network.run(name, '-6', 'route', 'add', 'default', 'via', 'fd00:17::1');
  }
  await Promise.all([httpPodIn(t, podSpace, pod, 8080), httpPodIn(t, podSpace, 'fd00:17::3', 8080)]);
  const start = (
    text = config(),
    files: Readonly<Record<string, string>> = { 'web.yaml': manifest([clusterIp, sixIp], [externalIp]) },
  ) => startProgram(t, { config: text, files, prefix: ['ip', 'netns', 'exec', node] });
  return { node, pod: podSpace, outside, start };
}

test('who reaches what: this host and pods everything, the outside no ClusterIP', { skip }, async (t) => {
  const { node, pod: podSpace, outside, start } = await nodeWith(t, 'reach');
  const sluice = await start();
  const rows: readonly [string, string, string, string][] = [
    ['this host', node, `http://${clusterIp}/`, pod],
    ['a pod', podSpace, `http://${clusterIp}/`, pod],
    ['the outside: refused', outside, `http://${clusterIp}/`, 'curl 7'],
    ['this host, IPv6', node, `http://[${sixIp}]/`, 'fd00:17::3'],
    ['a pod, IPv6', podSpace, `http://[${sixIp}]/`, 'fd00:17::3'],
    ['the outside, IPv6: refused', outside, `http://[${sixIp}]/`, 'curl 7'],
    ['this host, external IP', node, `http://${externalIp}/`, pod],
    ['the outside, external IP', outside, `http://${externalIp}/`, pod],
    ['this host, node port', node, 'http://172.17.0.1:30080/', pod],
    ['the outside, node port', outside, 'http://172.17.0.1:30080/', pod],
    ['the outside, node port, IPv6', outside, 'http://[fd00:17::1]:30080/', 'fd00:17::3'],
  ];
  for (const [name, from, url, expected] of rows) assert.equal(await whoAnswers(from, url), expected, name);
  const explained = async (client: string, frontend: string) => {
    const { body } = await sluice.get(`/explain?client=${client}&frontend=${frontend}`);
    return (JSON.parse(body) as ExplainResponse).outcome;
  };
  const hidden = { kind: 'reject', reason: 'not-inside' };
  assert.deepEqual(await explained('172.17.0.100', `${clusterIp}:80`), hidden, 'explain knows the outside');
  assert.deepEqual(await explained('fd00:17::100', `[${sixIp}]:80`), hidden);
  for (const [client, frontend] of [
    [pod, `${clusterIp}:80`],
    ['172.17.0.1', `${clusterIp}:80`],
    ['172.17.0.100', `${externalIp}:80`],
  ] as const)
    assert.equal((await explained(client, frontend)).kind, 'forward', `${client} to ${frontend}`);
  assert.deepEqual(addressesIn(node, 'lo'), ['169.254.115.108/32', 'fd73:6c75:6963:65::1/128']);
  const ports = outputIn(node, 'ss', '-Hlnt')
    .split('\n')
    .filter((line) => line.includes('169.254.115.108:'));
  assert.equal(ports.length, 1, 'four VIPs with one target have one socket');

  sluice.signal('SIGTERM');
  assert.equal((await sluice.exited()).code, 0);
  assert.equal(hasTable(node), false);
  assert.deepEqual(addressesIn(node, 'lo'), []);
});

test('the relay address answers nobody outside who asks for it itself', { skip }, async (t) => {
  const { node, outside, start } = await nodeWith(t, 'relay');
  await start();
  const [, port] = /169\.254\.115\.108:(\d+)/.exec(outputIn(node, 'ss', '-Hlnt')) ?? [];
  assert.match(await whoAnswers(outside, `http://169.254.115.108:${port}/`, '--max-time', '2'), /^curl (7|28)$/);
});

test('VIPs come and go in one listener, and connections outlive it', { skip }, async (t) => {
  const { node, start } = await nodeWith(t, 'change');
  const sluice = await start();
  const sockets = () =>
    outputIn(node, 'ss', '-Hlnt')
      .split('\n')
      .filter((line) => line.includes('169.254.115.108:'));
  const before = sockets();
  await sluice.write('web.yaml', manifest([secondIp, sixIp], [externalIp]));
  await until(async () => (await whoAnswers(node, `http://${secondIp}/`)) === pod, 'the new ClusterIP answers');
  assert.notEqual(await whoAnswers(node, `http://${clusterIp}:1/`), pod);
  const map = outputIn(node, 'nft', 'list', 'map', 'inet', 'sluice', 'inside4');
  assert.match(map, /10\.96\.0\.2 \. tcp \. 80/);
  assert.doesNotMatch(map, /10\.96\.0\.1 /);
  assert.deepEqual(sockets(), before);
  const open = outputIn(node, 'nft', 'list', 'map', 'inet', 'sluice', 'open4');
  assert.match(open, /172\.17\.0\.1 \. tcp \. 30080/);
  assert.doesNotMatch(open, /169\.254\.115\.108/, 'the relay address is no address of the node');
});

test('what somebody flushed or removed comes back, and what a crash left is adopted', { skip }, async (t) => {
  const { node, start } = await nodeWith(t, 'flush');
  const first = await start();
  outputIn(node, 'nft', 'add', 'table', 'inet', 'other');
  outputIn(node, 'nft', 'flush', 'chain', 'inet', 'sluice', 'output');
  outputIn(node, 'ip', 'address', 'delete', '169.254.115.108/32', 'dev', 'lo');
  first.signal('SIGHUP');
  const line = await first.line(({ msg }) => /put back/.test(msg), 'that it was put back');
  assert.ok(Number(line.changes) > 0);
  assert.equal(await whoAnswers(node, `http://${clusterIp}/`), pod);
  assert.equal(addressesIn(node, 'lo').length, 2);
  await first.kill();
  const handles = () => outputIn(node, 'nft', '-a', 'list', 'chain', 'inet', 'sluice', 'output');
  const left = handles();
  const second = await start();
  assert.equal(handles(), left, 'the same rules stay');
  assert.equal(await whoAnswers(node, `http://${clusterIp}/`), pod);
  second.signal('SIGTERM');
  await second.exited();
  assert.equal(hasTable(node), false);
  assert.match(outputIn(node, 'nft', 'list', 'tables'), /inet other/, 'and nothing else is touched');
});

test('a UDP client that keeps its port follows its VIP to another service', { skip: skipUdp }, async (t) => {
  const { node, pod: podSpace, start } = await nodeWith(t, 'udp');
  await Promise.all([udpPodIn(t, podSpace, '172.17.0.3', 5353), udpPodIn(t, node, '127.0.0.9', 5353)]);
  const services = (name: string, backend: string) =>
    config(
      `services: [{ name: ${name}, vip: ${clusterIp}, ports: [{ port: 53, protocol: UDP }], backends: ["${backend}:5353"] }]`,
    );
  const client = await UdpClient.start(t, podSpace, clusterIp, 53);
  client.send();
  const sluice = await start(services('a', '172.17.0.3'), {});
  const answeredBy = (who: string) =>
    until(() => {
      client.send();
      return client.take().includes(who);
    }, `${who} answers`);
  await answeredBy('172.17.0.3');
  await sluice.configure(services('b', '127.0.0.9'));
  await answeredBy('127.0.0.9');
  assert.equal(
    sluice.lines().some(({ level }) => level === 'error'),
    false,
  );
});
