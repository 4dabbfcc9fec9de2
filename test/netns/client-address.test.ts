import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { nativeIsMissing } from '../support/native-addon.ts';
import { startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { curlIn, Network, whatIsMissing } from './network.ts';
import { echoClientsIn, hasProgram, outputIn, UdpClient } from './vip-traffic.ts';

/* Endpoints see the client itself, and their answers come back by way of the node. */

const skip =
  whatIsMissing() || nativeIsMissing() || (hasProgram('nft') ? false : 'the program nft (nftables) is missing');

const [vip, sixVip] = ['192.0.2.20', 'fd00:20::1'];

const config = `
engine: native
services:
  - name: who
    vips: [${vip}, "${sixVip}"]
    ports: [{ name: tcp, port: 80, targetPort: 8080 }, { name: udp, port: 80, protocol: UDP, targetPort: 8080 }]
    backends: [10.2.0.2, "fd00:2::2"]
    clientAddress: keep
`;

/** A client and a pod, each in a network of its own with the node; what config/examples/client-address.yaml says is done. */
async function routedWorld(t: TestContext, word: string) {
  const network = new Network(t, word);
  const [node, client, pod] = [network.add('node'), network.add('client'), network.add('pod')];
  // Until it is over, nobody has a link-local address to ask his neighbours from (RFC 4862 section 5.4).
  for (const space of [node, client, pod]) outputIn(space, 'sysctl', '-w', 'net.ipv6.conf.default.accept_dad=0');
  for (const [index, name] of [client, pod].entries()) {
    const net = index + 1;
    network.run(node, 'link', 'add', `eth${net}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    for (const [space, device, host] of [
      [node, `eth${net}`, 1],
      [name, 'eth0', 2],
    ] as const) {
      network.run(space, 'address', 'add', `10.${net}.0.${host}/24`, 'dev', device);
      network.run(space, 'address', 'add', `fd00:${net}::${host}/64`, 'dev', device, 'nodad');
      network.run(space, 'link', 'set', device, 'up');
    }
    network.run(name, 'route', 'add', 'default', 'via', `10.${net}.0.1`);
    network.run(name, '-6', 'route', 'add', 'default', 'via', `fd00:${net}::1`);
  }
  outputIn(node, 'sysctl', '-w', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  for (const address of [`${vip}/32`, `${sixVip}/128`]) network.run(node, 'address', 'add', address, 'dev', 'lo');
  outputIn(node, 'nft', 'add table inet keep-clients');
  outputIn(node, 'nft', 'add chain inet keep-clients in { type filter hook prerouting priority mangle; }');
  outputIn(node, 'nft', 'add rule inet keep-clients in socket transparent 1 meta mark set 0x736c');
  for (const family of ['-4', '-6']) {
    network.run(node, family, 'rule', 'add', 'fwmark', '0x736c', 'lookup', '736');
    network.run(node, family, 'route', 'add', 'local', 'default', 'dev', 'lo', 'table', '736');
  }
  await echoClientsIn(t, pod, 8080);
  return { node, client, pod };
}

/** What the pod answers to a datagram: whom it came from. */
async function askUdp(t: TestContext, namespace: string, host: string): Promise<string> {
  const udp = await UdpClient.start(t, namespace, host, 80);
  let answers: string[] = [];
  await until(() => {
    udp.send();
    answers = udp.take();
    return answers.length > 0;
  }, `${host} answers over UDP`);
  return answers[0] ?? '';
}

test('TCP and UDP, both IP families: the pod sees the address and the port of the client', { skip }, async (t) => {
  const { node, client } = await routedWorld(t, 'keep');
  await startProgram(t, { config, prefix: ['ip', 'netns', 'exec', node] });
  const ask = async (from: string, host: string) => {
    const { status, body } = await curlIn(from, `http://${host}/`, '--local-port', '45678');
    return status === 0 ? body : `curl ${status}`;
  };
  assert.equal(await ask(client, vip), '10.1.0.2 45678');
  assert.equal(await ask(client, `[${sixVip}]`), 'fd00:1::2 45678');

  assert.match(await askUdp(t, client, vip), /^10\.1\.0\.2 \d+$/);
  assert.match(await askUdp(t, client, sixVip), /^fd00:1::2 \d+$/);
});

test('a client on the node itself, whose port is in use there, is seen with another port', { skip }, async (t) => {
  const { node } = await routedWorld(t, 'local');
  await startProgram(t, { config, prefix: ['ip', 'netns', 'exec', node] });
  const { body } = await curlIn(node, `http://${vip}/`, '--interface', '10.2.0.1', '--local-port', '45678');
  assert.match(body, /^10\.2\.0\.1 (?!45678$)\d+$/);
});

test('a client that uses its port again at once is seen by its address all the same', { skip }, async (t) => {
  const { node, client } = await routedWorld(t, 'again');
  await startProgram(t, { config, prefix: ['ip', 'netns', 'exec', node] });
  for (let times = 0; times < 20; times += 1) {
    const { status, body } = await curlIn(client, `http://${vip}/`, '--local-port', '45678');
    assert.equal(status, 0, `request ${times}`);
    assert.match(body, /^10\.1\.0\.2 \d+$/);
  }
});

test('a pod that is its own endpoint is answered: it sees the node in its place', { skip }, async (t) => {
  const { node, pod } = await routedWorld(t, 'own');
  await startProgram(t, { config, prefix: ['ip', 'netns', 'exec', node] });
  for (const [host, seen] of [
    [vip, '10.2.0.1'],
    [`[${sixVip}]`, 'fd00:2::1'],
  ] as const)
    assert.match((await curlIn(pod, `http://${host}/`)).body, new RegExp(`^${seen} \\d+$`));
  assert.match(await askUdp(t, pod, vip), /^10\.2\.0\.1 \d+$/);
  assert.match(await askUdp(t, pod, sixVip), /^fd00:2::1 \d+$/);
});
