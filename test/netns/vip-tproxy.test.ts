import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { nativeIsMissing } from '../support/native-addon.ts';
import { startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { curlIn, httpPodIn, Network, whatIsMissing } from './network.ts';
import { Talker } from './talker.ts';
import { cleanUpIn, hasProgram, hasTable, outputIn, UdpClient, udpPodIn, whoAnswers } from './vip-traffic.ts';

/* TPROXY: forwarded connections come to the relay with the destination that they have. */

const skip =
  whatIsMissing() || nativeIsMissing() || (hasProgram('nft') ? false : 'the program nft (nftables) is missing');

const [clusterIp, externalIp, sixIp] = ['10.96.0.1', '192.0.2.10', 'fd00:96::1'];
const [pod, sixPod] = ['172.17.0.3', 'fd00:17::3'];

const manifest = (clusterIps: readonly string[]) => `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec:
  clusterIPs: [${clusterIps.map((each) => `"${each}"`).join(', ')}]
  externalIPs: [${externalIp}]
  ports: [{ name: http, port: 80, targetPort: 8080 }, { name: dns, port: 53, protocol: UDP, targetPort: 5353 }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-4, namespace: default, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: http, port: 8080 }, { name: dns, port: 5353, protocol: UDP }]
endpoints: [{ addresses: [${pod}] }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-6, namespace: default, labels: { kubernetes.io/service-name: web } }
addressType: IPv6
ports: [{ name: http, port: 8080 }]
endpoints: [{ addresses: ["${sixPod}"] }]
`;

const config = (via = 'tproxy') => `
engine: native
drainTimeout: 1s
vip: { mode: redirect, redirect: { via: ${via}, from: [172.17.0.0/28, "fd00:17::/120"] } }
feeds: [{ file: { path: ./web.yaml } }]`;

/** A node, a pod in the network of `from`, and a host outside of it; both send everything by way of the node. */
async function world(t: TestContext, word: string) {
  const network = new Network(t, word);
  const [node, podSpace, outside] = [network.add('node'), network.add('pod'), network.add('outside')];
  const spaces = [
    [node, '172.17.0.1', 'fd00:17::1'],
    [podSpace, pod, sixPod],
    [outside, '172.17.0.100', 'fd00:17::100'],
  ] as const;
  // Until it is over, nobody has a link-local address to ask his neighbours from (RFC 4862 section 5.4).
  for (const [space] of spaces) outputIn(space, 'sysctl', '-w', 'net.ipv6.conf.default.accept_dad=0');
  network.bridge(new Map(spaces.map(([space, address]) => [space, `${address}/16`])));
  for (const [space, , six] of spaces) {
    network.run(space, 'address', 'add', `${six}/112`, 'dev', 'eth0', 'nodad');
    const gateway = space === node ? ['172.17.0.200', 'fd00:17::200'] : ['172.17.0.1', 'fd00:17::1'];
    for (const [index, family] of ['-4', '-6'].entries())
      network.run(space, family, 'route', 'add', 'default', 'via', gateway[index] ?? '');
  }
  outputIn(node, 'sysctl', '-w', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  await Promise.all([httpPodIn(t, podSpace, pod, 8080), httpPodIn(t, podSpace, sixPod, 8080)]);
  const start = () =>
    startProgram(t, {
      config: config(),
      files: { 'web.yaml': manifest([clusterIp, sixIp]) },
      prefix: ['ip', 'netns', 'exec', node],
    });
  return { node, pod: podSpace, outside, start };
}

/** The rules and the routes of ours, both families. */
function markedIn(node: string): string[] {
  const shown = ['-4', '-6'].flatMap((family) => [
    outputIn(node, 'ip', family, 'rule', 'show', 'fwmark', '0x736c'),
    outputIn(node, 'ip', family, 'route', 'show', 'table', 'all', 'type', 'local').match(/^.*table 377292.*$/m)?.[0] ??
      '',
  ]);
  return shown.filter((text) => text !== '');
}

/** Local addresses of established TCP connections in a namespace. */
const establishedIn = (node: string) =>
  outputIn(node, 'ss', '-Htn', 'state', 'established')
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[2]);

test('who reaches what, as with dnat; forwarded connections keep their destination', { skip }, async (t) => {
  const { node, pod: podSpace, outside, start } = await world(t, 'tproxy');
  await udpPodIn(t, podSpace, pod, 5353);
  const sluice = await start();
  const rows: readonly [string, string, string, string][] = [
    ['this host, which nobody forwards', node, `http://${clusterIp}/`, pod],
    ['a pod', podSpace, `http://${clusterIp}/`, pod],
    ['the outside: refused', outside, `http://${clusterIp}/`, 'curl 7'],
    ['this host, IPv6', node, `http://[${sixIp}]/`, sixPod],
    ['a pod, IPv6', podSpace, `http://[${sixIp}]/`, sixPod],
    ['the outside, IPv6: refused', outside, `http://[${sixIp}]/`, 'curl 7'],
    ['the outside, external IP', outside, `http://${externalIp}/`, pod],
  ];
  for (const [name, from, url, expected] of rows) assert.equal(await whoAnswers(from, url), expected, name);
  assert.equal(markedIn(node).length, 4);

  const client = await Talker.start(t, outside, externalIp, 80);
  const ask = async () => {
    const before = client.heard.length;
    client.send('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await until(() => client.heard.slice(before).includes(pod), 'the pod answers');
  };
  await ask();
  assert.ok(establishedIn(node).includes(`${externalIp}:80`), 'the socket has the VIP itself');

  // UDP is translated.
  const udp = await UdpClient.start(t, outside, externalIp, 53);
  await until(() => {
    udp.send();
    return udp.take().includes(pod);
  }, 'the pod answers over UDP');

  // The connection outlives its VIP, and the way to it.
  await sluice.write('web.yaml', manifest([clusterIp, sixIp]).replace(externalIp, '192.0.2.11'));
  await until(async () => (await whoAnswers(outside, 'http://192.0.2.11/')) === pod, 'the new external IP answers');
  assert.notEqual((await curlIn(outside, `http://${externalIp}/`, '--max-time', '1')).status, 0);
  await ask();

  await sluice.configure(config('dnat'));
  await until(async () => markedIn(node).length === 0, 'the rules and routes are gone');
  await until(async () => (await whoAnswers(outside, 'http://192.0.2.11/')) === pod, 'it answers by dnat');

  sluice.signal('SIGTERM');
  await sluice.exited();
  assert.equal(hasTable(node), false);
});

test('a crash is adopted or cleaned up, what somebody removed comes back, and the end removes all', {
  skip,
}, async (t) => {
  const { node, outside, start } = await world(t, 'tproxyend');
  const first = await start();
  outputIn(node, 'ip', 'rule', 'delete', 'fwmark', '0x736c');
  outputIn(node, 'ip', '-6', 'route', 'flush', 'table', '377292');
  first.signal('SIGHUP');
  const line = await first.line(({ msg }) => /put back/.test(msg), 'that it was put back');
  assert.equal(line.changes, 2);
  assert.equal(markedIn(node).length, 4);
  await first.kill();
  assert.equal(markedIn(node).length, 4, 'a crash leaves everything');
  const second = await start();
  assert.equal(await whoAnswers(outside, `http://${externalIp}/`), pod);
  assert.equal(markedIn(node).length, 4, 'there is nothing twice');
  second.signal('SIGTERM');
  await second.exited();
  assert.deepEqual(markedIn(node), []);
  const third = await start();
  await third.kill();
  assert.equal(cleanUpIn(node), 'all of it was removed\n');
  assert.deepEqual([markedIn(node), hasTable(node)], [[], false]);
});
