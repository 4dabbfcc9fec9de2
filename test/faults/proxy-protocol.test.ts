import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Ip } from '../../src/model/address.ts';
import { Target } from '../../src/model/target.ts';
import { encodeProxyHeader } from '../../src/relay/proxy-protocol/encode.ts';
import { assertNoErrors, endings, settled } from '../support/books.ts';
import { ask, type Place } from '../support/load.ts';
import { podPort, udpClient, udpPod, vipPort } from '../support/pods.ts';
import { startProgram } from '../support/program.ts';
import { sumOfSamples } from '../support/prometheus-text.ts';
import { backend, client, closedPort, digest, echo, endOf, endpointAt, hashOf } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { configOf, frontendAt, service } from './service.ts';

const original = { address: '203.0.113.9', port: 54_321 };

function header(version: 'v1' | 'v2', address = original.address): Buffer {
  return encodeProxyHeader(version, { ...original, address }, { address: '198.51.100.1' as Ip, port: 443 });
}

const v1 = header('v1');
const v2 = header('v2');
const accept = (from = '127.0.0.0/8', timeout = '5s') =>
  `proxyProtocol: { accept: { from: ["${from}"], timeout: ${timeout} } }`;

function sendAtOnce({ host, port }: Place, bytes: Uint8Array): Socket {
  return connect({ host, port, allowHalfOpen: true }).end(bytes);
}

describe('PROXY headers of trusted clients', () => {
  for (const [version, head] of Object.entries({ v1, v2 })) {
    test(`${version}, split: byte by byte, then with half of the payload`, async (t) => {
      const { target } = await backend(t, echo);
      const place = await frontendAt('127.60.7.1');
      const log = 'log: { level: debug }';
      const program = await startProgram(t, { config: configOf([service(place, [target])], `${log}\n${accept()}`) });
      const sent = randomBytes(300_000);
      for (let cut = 1; cut <= 3; cut += 1) {
        const socket = await client(t, place.port, place.host);
        socket.setNoDelay(true);
        const all = Buffer.concat([head, sent]);
        const singles = cut === 1 ? head.length + 2 : cut * 11;
        for (let at = 0; at < singles; at += cut) {
          socket.write(all.subarray(at, Math.min(at + cut, singles)));
          await delay(1);
        }
        socket.end(all.subarray(singles));
        assert.deepEqual(await digest(socket), { hash: hashOf(sent), bytes: sent.length });
      }
      const line = await program.line(({ msg }) => msg === 'flow ended', 'who it was');
      assert.equal(line.client, '203.0.113.9:54321');
      assert.equal(line.bytesFromClient, sent.length);
      assert.deepEqual(endings(await settled(program)), { closed: 3 });
      assertNoErrors(program);
    });
  }

  test('malformed and oversized: reset at once, counted, and no endpoint sees them', async (t) => {
    const { target, sockets } = await backend(t, echo);
    const place = await frontendAt('127.60.7.2');
    const program = await startProgram(t, { config: configOf([service(place, [target])], accept()) });
    const spoilt = (bytes: Buffer, at: number, value: number) => {
      const copy = Buffer.from(bytes);
      copy[at] = value;
      return copy;
    };
    const rows: Buffer[] = [
      Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
      Buffer.from('PROXY TCP4 203.0.113.9 198.51.100.1 54321 443\n'),
      Buffer.from('PROXY TCP4 203.0.113.999 198.51.100.1 54321 443\r\n'),
      Buffer.from(`PROXY UNKNOWN ${'x'.repeat(100_000)}`),
      spoilt(v2, 3, 0),
      spoilt(v2, 12, 0x11),
      spoilt(v2, 13, 0x55),
      spoilt(v2, 14, 0xff),
      Buffer.concat([spoilt(v2, 15, 14), Buffer.alloc(100_000)]),
      randomBytes(5_000),
    ];
    for (const bytes of rows) {
      const socket = connect({ ...place, allowHalfOpen: true });
      socket.write(bytes);
      assert.equal(await endOf(socket), 'reset');
    }
    // A part of one, and the end.
    for (const bytes of [v1.subarray(0, 20), v2.subarray(0, 20)]) await endOf(sendAtOnce(place, bytes));
    assert.deepEqual(endings(await settled(program)), { 'proxy-header-invalid': rows.length + 2 });
    assert.equal(sockets.length, 0);
    assertNoErrors(program);
  });

  test('late: silent and trickling ones are closed by the deadline, and nobody waits for them', async (t) => {
    const { target, sockets } = await backend(t, echo);
    const place = await frontendAt('127.60.7.3');
    const program = await startProgram(t, {
      config: configOf([service(place, [target])], accept('127.0.0.0/8', '600ms')),
    });
    const descriptors = program.descriptors();
    const late = await Promise.all(Array.from({ length: 100 }, () => client(t, place.port, place.host)));
    const ends = late.map((socket) => endOf(socket));
    const began = performance.now();
    const trickle = async (socket: Socket, head: Buffer) => {
      for (const byte of head) {
        if (socket.destroyed) return;
        socket.write(Buffer.from([byte]));
        await delay(50);
      }
    };
    const trickling = late.slice(0, 20).map((socket, index) => trickle(socket, index % 2 === 0 ? v1 : v2));
    const good = sendAtOnce(place, Buffer.concat([v2, Buffer.from('quick')]));
    assert.equal((await digest(good)).bytes, 5);
    assert.ok(performance.now() - began < 500, 'the good one did not wait');
    assert.deepEqual(new Set(await Promise.all(ends)), new Set(['reset']));
    assert.ok(performance.now() - began < 2_000, 'all were closed by the deadline');
    await Promise.all(trickling);
    assert.deepEqual(endings(await settled(program)), { 'proxy-header-timeout': 100, closed: 1 });
    assert.equal(sockets.length, 1);
    await until(() => program.descriptors() <= descriptors + 2, 'no descriptor is kept');
    assertNoErrors(program);
  });

  test('whoever connects and leaves, as health checks do, is no fault', async (t) => {
    const { target, sockets } = await backend(t, echo);
    const place = await frontendAt('127.60.7.4');
    const program = await startProgram(t, { config: configOf([service(place, [target])], accept()) });
    for (const how of ['end', 'resetAndDestroy'] as const) {
      const socket = await client(t, place.port, place.host);
      socket[how]();
    }
    await until(async () => sumOfSamples(await program.metrics(), 'sluice_flows_closed_total') === 2, 'both have left');
    assert.deepEqual(endings(await settled(program)), { 'client-gone': 2 });
    assert.equal(sockets.length, 0);
  });

  test('the named client decides: affinity keeps it, whichever proxy it comes through', async (t) => {
    const says = (name: string) => (socket: Socket) => void socket.on('end', () => socket.end(name)).resume();
    const backends = await Promise.all(['a', 'b', 'c'].map((name) => backend(t, says(name))));
    const place = await frontendAt('127.60.7.5');
    const targets = backends.map(({ target }) => target);
    const config = configOf([service(place, targets, 'sessionAffinity: ClientIP')], accept());
    await startProgram(t, { config });
    const answersOf = async (address: string) => {
      const answers = new Set<string>();
      for (const from of ['127.60.7.101', '127.60.7.102', '127.60.7.103']) {
        const socket = connect({ ...place, allowHalfOpen: true, localAddress: from });
        socket.end(header('v1', address));
        let answer = '';
        for await (const chunk of socket) answer += chunk;
        answers.add(answer);
      }
      return [...answers];
    };
    const seen = [];
    for (const address of ['203.0.113.1', '203.0.113.2', '2001:db8::3']) seen.push(await answersOf(address));
    assert.deepEqual(seen, [['a'], ['b'], ['c']]);
  });

  test('who is trusted can change while it runs; from others the header is payload', async (t) => {
    const { target } = await backend(t, echo);
    const place = await frontendAt('127.60.7.6');
    const config = (from: string) => configOf([service(place, [target])], accept(from));
    const program = await startProgram(t, { config: config('192.0.2.0/24') });
    const echoed = async () => (await digest(sendAtOnce(place, Buffer.concat([v1, Buffer.from('x')])))).bytes;
    assert.equal(await echoed(), v1.length + 1);
    const established = await client(t, place.port, place.host);
    await program.configure(config('127.0.0.1'));
    await until(async () => (await echoed()) === 1, 'the client is trusted');
    established.end('still payload');
    assert.equal((await digest(established)).bytes, 13);
    // Not trusted still, because it comes from elsewhere.
    const other = connect({ ...place, allowHalfOpen: true, localAddress: '127.60.7.106' });
    assert.equal((await digest(other.end(v1))).bytes, v1.length);
  });
});

describe('PROXY headers for endpoints', () => {
  test('each endpoint gets the header and every byte, after failures as well, and it is not counted', async (t) => {
    const { target } = await backend(t, echo);
    const place = await frontendAt('127.60.7.7');
    const dead = new Target(endpointAt('127.0.0.1', await closedPort()));
    const config = configOf([service(place, [dead, target], 'proxyProtocol: { send: v1 }')]);
    const program = await startProgram(t, { config });
    const question = 'early bytes, '.repeat(4_000);
    for (let count = 0; count < 4; count += 1) {
      const socket = connect({ ...place, allowHalfOpen: true });
      await once(socket, 'connect');
      const head = `PROXY TCP4 127.0.0.1 ${place.host} ${socket.localPort} ${place.port}\r\n`;
      socket.end(question);
      let answer = '';
      for await (const chunk of socket) answer += chunk;
      assert.equal(answer, head + question);
    }
    const families = await settled(program);
    assert.deepEqual(endings(families), { closed: 4 });
    assert.equal(sumOfSamples(families, 'sluice_to_endpoints_bytes_total'), 4 * question.length);
    assertNoErrors(program);
  });

  test('a Service of Kubernetes asks for it by annotation, and its source ranges see the named client', async (t) => {
    const { target } = await backend(t, echo);
    const place = await frontendAt('127.60.7.9');
    const { address, port } = target.endpoint;
    const manifests = `
apiVersion: v1
kind: Service
metadata: { name: web, annotations: { sluice/proxy-protocol: v1 } }
spec:
  type: LoadBalancer
  clusterIP: 127.60.7.10
  loadBalancerSourceRanges: [203.0.113.0/24]
  ports: [{ port: ${place.port} }]
status: { loadBalancer: { ingress: [{ ip: ${place.host} }] } }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: "", port: ${port} }]
endpoints: [{ addresses: [${address}] }]
`;
    const program = await startProgram(t, {
      config: `feeds: [{ file: { path: web.yaml } }]\n${accept()}`,
      files: { 'web.yaml': manifests },
    });
    let answer = '';
    for await (const chunk of sendAtOnce(place, Buffer.concat([v2, Buffer.from('hello')]))) answer += chunk;
    assert.equal(answer, `PROXY TCP4 203.0.113.9 ${place.host} 54321 ${place.port}\r\nhello`);
    assert.equal(await endOf(sendAtOnce(place, header('v2', '203.0.114.9'))), 'reset');
    assert.deepEqual(endings(await settled(program)), { closed: 1, 'source-not-allowed': 1 });
  });

  test('without it nothing is added', async (t) => {
    const { target } = await backend(t, echo);
    const place = await frontendAt('127.60.7.11');
    await startProgram(t, { config: configOf([service(place, [target])], 'proxyProtocol: { send: off }') });
    assert.deepEqual(await ask(place, 'plain'), { kind: 'answered', answer: 'plain' });
  });
});

test('datagrams of a trusted proxy: the named client decides, bad headers are counted, replies go to the proxy', async (t) => {
  const pods = await Promise.all(['127.60.7.21', '127.60.7.22'].map((host) => udpPod(t, host)));
  const config = `
proxyProtocol: { accept: { fromUdp: [127.60.7.30] } }
log: { level: debug }
services:
  - name: dns
    vip: 127.60.7.20
    sessionAffinity: ClientIP
    ports: [{ port: ${vipPort}, targetPort: ${podPort}, protocol: UDP }]
    backends: [127.60.7.21, 127.60.7.22]
`;
  const program = await startProgram(t, { config });
  const [proxy, stranger] = await Promise.all(
    ['127.60.7.30', '127.60.7.31'].map((from) => udpClient(t, '127.60.7.20', from)),
  );
  assert.ok(proxy && stranger);
  const named = (address: string, port: number, text: string) =>
    Buffer.concat([
      encodeProxyHeader('v2', { address, port }, { address: '198.51.100.1' as Ip, port: 53 }, 'UDP'),
      Buffer.from(text),
    ]);
  const answers = async (datagrams: readonly Buffer[]) => {
    const all: string[] = [];
    for (const datagram of datagrams) {
      proxy.send(datagram);
      all.push(String(await proxy.next()));
    }
    return all;
  };
  const [first, second] = ['203.0.113.9', '203.0.113.10'];
  assert.deepEqual(
    await answers([named(first, 1, 'a'), named(second, 1, 'b'), named(first, 2, 'c'), named(second, 2, 'd')]),
    ['127.60.7.21:a', '127.60.7.22:b', '127.60.7.21:c', '127.60.7.22:d'],
    'a client keeps its pod, whatever its port',
  );
  const head = named(first, 1, '');
  stranger.send(head);
  assert.deepEqual((await stranger.next()).subarray(-head.length), head, 'from others it is payload');
  proxy.send(head.subarray(0, 20));
  await until(async () => {
    const drops = sumOfSamples(await program.metrics(), 'sluice_datagrams_dropped_total', {
      reason: 'proxy-header-invalid',
    });
    return drops === 1;
  }, 'the short one is counted');
  assert.equal(pods.flatMap(({ received }) => received).length, 5);
  program.signal('SIGTERM');
  await program.exited();
  const clients = program
    .lines()
    .filter(({ msg }) => msg === 'flow ended')
    .map(({ client }) => String(client));
  assert.deepEqual(clients.filter((client) => client.startsWith('203.')).sort(), [
    '203.0.113.10:1',
    '203.0.113.10:2',
    '203.0.113.9:1',
    '203.0.113.9:2',
  ]);
});
