import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, type TestContext, test } from 'node:test';
import { Target } from '../../src/model/target.ts';
import { endings, settled } from '../support/books.ts';
import type { Place } from '../support/load.ts';
import { startProgram } from '../support/program.ts';
import { endpointAt } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { configOf, frontendAt, service } from './service.ts';

function skipWithout(program: string): string | false {
  return spawnSync(program, ['-v']).error === undefined ? false : `${program} is not installed`;
}

const withoutHaproxy = skipWithout('haproxy');
const withoutNginx = skipWithout('nginx');

/** Runs a program in the foreground, with a configuration in a folder of its own, until the test ends. */
async function run(t: TestContext, place: Place, config: string, command: (file: string, folder: string) => string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-peer-'));
  const file = join(folder, 'peer.conf');
  await writeFile(file, config);
  const [program = '', ...words] = command(file, folder);
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk));
  t.after(async () => {
    const gone = once(child, 'exit');
    if (child.exitCode === null && child.kill('SIGKILL')) await gone;
    await rm(folder, { recursive: true, force: true });
  });
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${said}`);
    const socket = connect(place).on('error', () => {});
    return new Promise<boolean>((resolve) => {
      socket.on('connect', () => resolve(true)).on('close', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
  }, `${program} listens: ${said}`);
}

const haproxyDefaults = `
global
  nbthread 1
  maxconn 200
defaults
  timeout connect 5s
  timeout client 10s
  timeout server 10s
`;

/** An HTTP server that demands a PROXY header and answers `source destination`. */
async function haproxyPod(t: TestContext, place: Place): Promise<Target> {
  const answer = '%[src]:%[src_port] %[dst]:%[dst_port]';
  const config = `${haproxyDefaults}
frontend pod
  mode http
  bind ${place.host}:${place.port} accept-proxy
  http-request return status 200 content-type text/plain lf-string "${answer}"
`;
  await run(t, place, config, (file) => ['haproxy', '-db', '-f', file]);
  return new Target(endpointAt(place.host, place.port));
}

async function nginxPod(t: TestContext, place: Place): Promise<Target> {
  const [from, to] = [
    '$proxy_protocol_addr:$proxy_protocol_port',
    '$proxy_protocol_server_addr:$proxy_protocol_server_port',
  ];
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${name};`)
    .join(' ');
  const config = `
daemon off; master_process off; pid nginx.pid; error_log stderr;
events { worker_connections 200; }
http {
  access_log off; ${paths}
  server { listen ${place.host}:${place.port} proxy_protocol; return 200 "${from} ${to}"; }
}
`;
  await run(t, place, config, (file, folder) => ['nginx', '-p', folder, '-e', 'stderr', '-c', file]);
  return new Target(endpointAt(place.host, place.port));
}

/** A load balancer that sends a PROXY header to `to`. */
async function haproxyInFront(t: TestContext, place: Place, to: Place, send: string): Promise<void> {
  const config = `${haproxyDefaults}
listen front
  mode tcp
  bind ${place.host}:${place.port}
  server sluice ${to.host}:${to.port} ${send}
`;
  await run(t, place, config, (file) => ['haproxy', '-db', '-f', file]);
}

/** The answer to one request on a connection of its own, and the port that the client had. */
async function ask({ host, port }: Place, localAddress: string): Promise<{ answer: string; from: string }> {
  const agent = new Agent({ keepAlive: true });
  const asked = request({ host, port, localAddress, agent });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const from = `${localAddress}:${response.socket.localPort}`;
  const answer = await text(response);
  agent.destroy();
  return { answer, from };
}

const client = '127.60.8.200';

describe('PROXY protocol with real peers', () => {
  for (const [pod, skip, start] of [
    ['HAProxy', withoutHaproxy, haproxyPod],
    ['nginx', withoutNginx, nginxPod],
  ] as const) {
    for (const send of ['v1', 'v2'] as const) {
      test(`${pod} understands the ${send} that it is sent`, { skip }, async (t) => {
        const [place, at] = [await frontendAt('127.60.8.1'), await frontendAt('127.60.8.2')];
        const target = await start(t, at);
        const more = `proxyProtocol: { send: ${send} }`;
        const program = await startProgram(t, { config: configOf([service(place, [target], more)]) });
        for (let count = 0; count < 20; count += 1) {
          const { answer, from } = await ask(place, client);
          assert.equal(answer, `${from} ${place.host}:${place.port}`);
        }
        assert.deepEqual(endings(await settled(program)), { closed: 20 });
      });
    }
  }

  for (const [send, version] of [
    ['send-proxy', 'v1'],
    ['send-proxy-v2', 'v2'],
    // With a TLV, the checksum.
    ['send-proxy-v2 proxy-v2-options crc32c', 'v2'],
  ] as const) {
    test(`what HAProxy sends with ${send} is understood`, { skip: withoutHaproxy }, async (t) => {
      const [place, front] = [await frontendAt('127.60.8.3'), await frontendAt('127.60.8.4')];
      const target = await haproxyPod(t, await frontendAt('127.60.8.5'));
      const config = `proxyProtocol: { send: ${version}, accept: { from: [127.0.0.0/8] } }`;
      const program = await startProgram(t, { config: configOf([service(place, [target])], config) });
      await haproxyInFront(t, front, place, send);
      for (let count = 0; count < 20; count += 1) {
        const { answer, from } = await ask(front, client);
        assert.equal(answer, `${from} ${place.host}:${place.port}`);
      }
      const { closed = 0, ...others } = endings(await settled(program));
      assert.ok(closed >= 20);
      assert.equal(others['proxy-header-invalid'], undefined);
    });
  }
});
