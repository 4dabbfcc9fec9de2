import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { address, tally, type UdpClient, udpClient, udpPod } from '../support/pods.ts';
import { startProgram } from '../support/program.ts';
import { samplesOf } from '../support/prometheus-text.ts';
import { until } from '../support/until.ts';
import { a, b, configOf, endpointsOf, reloads, total, untilPods, vip } from './config.ts';

const udp = (backends: readonly string[], more: object = {}) => configOf([{ protocol: 'UDP', backends, ...more }]);

test('sessions take turns; the datagrams of one stay together, and replies come from the VIP', async (t) => {
  await Promise.all([a, b].map((pod) => udpPod(t, pod)));
  await startProgram(t, { config: udp([a, b]) });
  const clients: UdpClient[] = [];
  for (let count = 0; count < 4; count += 1) clients.push(await udpClient(t, vip));
  const homes: string[] = [];
  for (const client of clients) homes.push(await client.ask('1'));
  assert.deepEqual(homes, [`${a}:1`, `${b}:1`, `${a}:1`, `${b}:1`]);
  for (const [index, client] of clients.entries())
    assert.equal(await client.ask('2'), homes[index]?.replace(':1', ':2'));
});

test('requests and replies are matched as a resolver does: many at once, each by its id', async (t) => {
  await Promise.all(
    [a, b].map((pod) =>
      udpPod(t, pod, (message, from, socket) => {
        // Answers come out of order.
        setImmediate(() => socket.send(Buffer.from(message).reverse(), from.port, from.address));
      }),
    ),
  );
  await startProgram(t, { config: udp([a, b]) });
  const client = await udpClient(t, vip);
  const queries = Array.from({ length: 200 }, () => randomBytes(20));
  for (const query of queries) client.send(query);
  const replies = new Set<string>();
  for (const _ of queries) replies.add((await client.next()).toString('hex'));
  assert.deepEqual(replies, new Set(queries.map((query) => Buffer.from(query).reverse().toString('hex'))));
});

test('a datagram of 0 bytes and one of 65,507 pass whole, both ways', async (t) => {
  const pod = await udpPod(t, a, (message, from, socket) => socket.send(message, from.port, from.address));
  await startProgram(t, { config: udp([a]) });
  const client = await udpClient(t, vip);
  const large = randomBytes(65_507);
  for (const message of [Buffer.alloc(0), large, Buffer.from('x'), Buffer.alloc(0)]) {
    client.send(message);
    assert.ok((await client.next()).equals(message), `${message.length} bytes`);
  }
  assert.deepEqual(
    pod.received.map(({ message }) => message.length),
    [0, 65_507, 1, 0],
  );
});

test('the next datagram after an endpoint was removed goes elsewhere', async (t) => {
  await Promise.all([a, b].map((pod) => udpPod(t, pod)));
  const program = await startProgram(t, { config: udp([a, b]) });
  const client = await udpClient(t, vip);
  assert.equal(await client.ask('1'), `${a}:1`);
  await program.configure(udp([b]));
  await untilPods(program, [b]);
  assert.equal(await client.ask('2'), `${b}:2`);
  assert.equal(await total(program, 'sluice_flows_closed_total', { reason: 'endpoint-removed' }), 1);
});

test('a service without endpoints answers nobody and counts the datagrams', async (t) => {
  await udpPod(t, a);
  const program = await startProgram(t, { config: udp([]) });
  const client = await udpClient(t, vip);
  for (let count = 0; count < 3; count += 1) client.send('x');
  const dropped = () => total(program, 'sluice_datagrams_dropped_total', { reason: 'no-endpoint' });
  await until(async () => (await dropped()) === 3, 'they are counted');
  await program.configure(udp([a]));
  await untilPods(program, [a]);
  assert.equal(await client.ask('y'), `${a}:y`);
  assert.equal(client.received.length, 0);
});

test('a oneway service gets every datagram and keeps no session', async (t) => {
  const pods = await Promise.all([a, b].map((pod) => udpPod(t, pod, () => {})));
  const program = await startProgram(t, { config: udp([a, b], { udp: { oneway: true } }) });
  const client = await udpClient(t, vip);
  const sent = Array.from({ length: 50 }, (_, index) => `<14>line ${index}`);
  for (const line of sent) client.send(line);
  const received = () => pods.flatMap((pod) => pod.received.map(({ message }) => message.toString()));
  await until(() => received().length === sent.length, 'all have come');
  assert.deepEqual(received().sort(), sent.toSorted());
  const passed = (await program.services()).servicePorts[0]?.totals.datagramsToEndpoint;
  assert.equal(passed, sent.length);
});

test('an endpoint where nobody listens is left for another after one datagram', async (t) => {
  await udpPod(t, b);
  const config = configOf([{ protocol: 'UDP', backends: [a, b] }], {
    log: { access: { level: 'info' } },
    udp: { idleTimeout: '1s' },
  });
  const program = await startProgram(t, { config });
  const client = await udpClient(t, vip);
  client.send('lost');
  await until(async () => {
    client.send('again');
    return client.received.length > 0;
  }, 'the other endpoint answers');
  assert.match((await client.next()).toString(), new RegExp(`^${b}:`));
  const [dead] = await endpointsOf(program);
  assert.equal(dead?.active, 0);
  const errors = samplesOf(await program.metrics(), 'sluice_socket_errors_total');
  assert.deepEqual(
    errors.map(({ labels }) => labels.code),
    ['ECONNREFUSED'],
  );
  const { lastFailureCode } = await program.line(({ msg }) => msg === 'flow ended', 'that its session has ended');
  assert.equal(lastFailureCode, 'ECONNREFUSED');
});

test('a session that is slow holds up no other', async (t) => {
  let answer = () => {};
  await udpPod(t, a, (message, from, socket) => {
    const reply = () => socket.send(`late:${message}`, from.port, from.address);
    if (message.toString() === 'slow') answer = reply;
    else reply();
  });
  await startProgram(t, { config: udp([a]) });
  const [slow, quick] = [await udpClient(t, vip), await udpClient(t, vip)];
  slow.send('slow');
  for (let count = 0; count < 50; count += 1) assert.equal(await quick.ask(`${count}`), `late:${count}`);
  answer();
  assert.equal((await slow.next()).toString(), 'late:slow');
});

test('a flood from many ports stays within its bounds, and an established session lives', async (t) => {
  await udpPod(t, a);
  const program = await startProgram(t, { config: `${udp([a])}\nudp: { maxSessions: 64 }` });
  const steady = await udpClient(t, vip, address(249));
  assert.equal(await steady.ask('1'), `${a}:1`);
  assert.equal(await steady.ask('2'), `${a}:2`);
  const [descriptors, rss] = [program.descriptors(), program.rssBytes()];
  for (let wave = 0; wave < 4; wave += 1) {
    const flood = await Promise.all(Array.from({ length: 100 }, () => udpClient(t, vip)));
    for (const client of flood) {
      for (let count = 0; count < 20; count += 1) client.send('flood');
      // The pod is in this process: its socket would overflow if it never came to read.
      await nextTurn();
    }
    assert.equal(await steady.ask(`wave ${wave}`), `${a}:wave ${wave}`);
  }
  const most = program.descriptors() - descriptors;
  assert.ok(most <= 80, `${most} more descriptors`);
  const active = (await endpointsOf(program)).reduce((sum, endpoint) => sum + endpoint.active, 0);
  assert.ok(active <= 64, `${active} sessions`);
  const grown = (program.rssBytes() - rss) / 1024 ** 2;
  assert.ok(grown < 64, `${Math.round(grown)} MiB more`);
  assert.equal(await reloads(program, 'config', 'failed'), 0);
});

test('TCP and UDP share a port number, each with its own service', async (t) => {
  await udpPod(t, a);
  await udpPod(t, b);
  const services = [
    { name: 'one', protocol: 'UDP' as const, backends: [a] },
    { name: 'two', backends: [b] },
  ];
  const program = await startProgram(t, { config: configOf(services) });
  assert.equal((await program.ready()).frontends.listening, 2);
  const replies = [await (await udpClient(t, vip)).ask('x'), await (await udpClient(t, vip)).ask('x')];
  assert.deepEqual(tally(replies), { [`${a}:x`]: 2 });
});

test('SIGTERM: a session is served until it falls silent, and new clients are not', async (t) => {
  await udpPod(t, a);
  const program = await startProgram(t, { config: `${udp([a])}\nudp: { idleTimeout: 1s }` });
  const client = await udpClient(t, vip);
  const ticking = setInterval(() => client.send('tick'), 20);
  t.after(() => clearInterval(ticking));
  const isServed = () => {
    client.received.length = 0;
    return until(() => client.received.length > 0, 'it is served');
  };
  await isServed();
  program.signal('SIGTERM');
  await program.line(({ msg }) => msg === 'draining', 'that it drains');
  (await udpClient(t, vip)).send('too late');
  const dropped = () => total(program, 'sluice_datagrams_dropped_total', { reason: 'shutdown' });
  await until(async () => (await dropped()) === 1, 'the new client was turned away');
  await isServed();
  clearInterval(ticking);
  assert.equal((await program.exited()).code, 0);
});
