import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { nativeIsMissing } from '../support/native-addon.ts';
import { ask, httpPod, podPort, vipPort } from '../support/pods.ts';
import { builtProgram, type Program, startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { a, configOf, total, vip } from './config.ts';

/* Options of sockets that only the native engine can set. */

const skip = nativeIsMissing();
const native = { engine: 'native', threads: 0 };

const opened = (program: Program) => total(program, 'sluice_flows_opened_total');

async function silentClient(t: TestContext) {
  const socket = connect(vipPort, vip);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

test('deferAccept: who says nothing is not accepted; it changes while sluice listens', { skip }, async (t) => {
  await httpPod(t, a);
  const config = (deferAccept: string) => configOf([{ backends: [a], tcp: { deferAccept } }], native);
  const program = await startProgram(t, { config: config('30s') });
  const silent = await silentClient(t);
  assert.equal(await ask(vip), a);
  assert.equal(await opened(program), 1, 'the silent client, which came first, is still with the kernel');
  silent.write('GET / HTTP/1.0\r\n\r\n');
  await once(silent, 'data');
  assert.equal(await opened(program), 2);

  await program.configure(config('off'));
  await until(async () => {
    const before = await opened(program);
    const client = await silentClient(t);
    await ask(vip);
    const isCounted = (await opened(program)) === before + 2;
    client.destroy();
    return isCounted;
  }, 'a silent client is accepted');
});

const unprivileged = ['setpriv', '--bounding-set=-net_admin,-net_raw', '--inh-caps=-net_admin,-net_raw'];
const skipRoot = skip || (process.getuid?.() === 0 ? false : 'giving capabilities up needs root');

const kept = {
  'web.yaml': `apiVersion: v1
kind: Service
metadata: { name: web, annotations: { sluice/client-address: keep } }
spec: { clusterIP: ${vip}, ports: [{ name: t, port: ${vipPort} }, { name: u, port: ${vipPort}, protocol: UDP }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-x, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: t, port: ${podPort} }, { name: u, port: ${podPort}, protocol: UDP }]
endpoints: [{ addresses: [${a}] }]
`,
};

const unable: Record<string, { engine: string; prefix: readonly string[]; skip: string | false }> = {
  'engine net': { engine: 'net', prefix: [], skip: false },
  'engine native without the capability': { engine: 'native', prefix: unprivileged, skip: skipRoot },
};

for (const [name, { engine, prefix, skip: why }] of Object.entries(unable)) {
  test(`address-not-kept, ${name}: clients are refused rather than hidden, and the log says why`, {
    skip: why,
  }, async (t) => {
    await httpPod(t, a);
    const config = `engine: ${engine}\nlog: { access: { level: info } }\nfeeds: [{ file: { path: ./web.yaml } }]`;
    const program = await startProgram(t, { config, files: kept, prefix });
    await assert.rejects(ask(vip));
    await program.line(({ reason, msg }) => reason === 'address-not-kept' && msg === 'flow ended', 'the reason');
    const alarm = await program.line(
      ({ reason, level }) => reason === 'address-not-kept' && level === 'warn',
      'an alarm',
    );
    assert.match(alarm.msg, /needs engine: native, CAP_NET_ADMIN/);
    const socket = createSocket('udp4');
    t.after(() => socket.close());
    socket.send('x', vipPort, vip);
    const dropped = () => total(program, 'sluice_datagrams_dropped_total', { reason: 'address-not-kept' });
    await until(async () => (await dropped()) > 0, 'the datagram is dropped for it');
  });
}

/** How `sluice run` ends that cannot start. */
function runWith(t: TestContext, config: string, ...prefix: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-run-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'sluice.yaml');
  writeFileSync(file, `admin: { listen: off }\n${config}\n`);
  const [command = '', ...words] = [...prefix, process.execPath, builtProgram, 'run', '-c', file];
  const { status, stderr } = spawnSync(command, words, { encoding: 'utf8', timeout: 20_000 });
  return { status, stderr };
}

test('a mark without the capability for it: sluice does not start, and says what to do', { skip: skipRoot }, (t) => {
  const { status, stderr } = runWith(t, 'engine: native\nmark: 92', ...unprivileged);
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^mark: it needs CAP_NET_ADMIN \(for SO_MARK\): .*see sluice doctor \[ENGINE_NOT_PERMITTED\]\n$/,
  );
});

test('engine: net with what it cannot do is a wrong configuration', (t) => {
  const { status, stderr } = runWith(t, 'engine: net\nmark: 92');
  assert.equal(status, 1);
  assert.match(stderr, /:3:1: mark: engine: net cannot do this; .* \[CONFIG_ENGINE\]\n$/);
});

test('what is asked for while the engine net relays has no effect, and that is said', async (t) => {
  const program = await startProgram(t, { config: configOf([], { engine: 'net' }) });
  await program.configure(configOf([], { engine: 'auto', tcp: { userTimeout: '5s' } }));
  const line = await program.line(({ key }) => key === 'tcp.userTimeout', 'that it has no effect');
  assert.match(line.msg, /^tcp\.userTimeout has no effect: it needs the native engine, .*the engine net relays now/);
});
