import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { endings, settled } from '../support/books.ts';
import { ask } from '../support/load.ts';
import { address, podPort, udpClient, udpPod, vipPort } from '../support/pods.ts';
import { startProgram } from '../support/program.ts';
import { sumOfSamples } from '../support/prometheus-text.ts';
import { backend, client, echo, endOf } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { buildPreload } from './preload.ts';
import { configOf, frontendAt, service } from './service.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-send-errors-'));
after(() => rmSync(folder, { recursive: true }));

const preload = buildPreload('send-errors', folder);
const skip = preload === undefined ? 'needs a C compiler (cc)' : false;

function switchFor(name: string, errno: number) {
  const file = join(folder, name);
  const env = { LD_PRELOAD: preload ?? '', SEND_ERRNO: String(errno), SEND_ERRNO_WHILE: file };
  return { env, on: () => writeFileSync(file, ''), off: () => rmSync(file) };
}

describe('ENOBUFS and ENOMEM on send: no crash, and what is lost is counted', { skip }, () => {
  for (const [name, errno] of [
    ['ENOBUFS', 105],
    ['ENOMEM', 12],
  ] as const) {
    // libuv takes ENOBUFS for EAGAIN and sends later; otherwise it loses the datagram, as ENOMEM does, which ends a connection.
    test(`${name}, UDP: the session lives on`, { timeout: 20_000 }, async (t) => {
      const [vip, pod] = [address(1), address(2)];
      const { received } = await udpPod(t, pod);
      const sends = switchFor(`udp-${name}`, errno);
      const line = `  - { name: udp, vip: ${vip}, ports: [{ port: ${vipPort}, protocol: UDP }], backends: ["${pod}:${podPort}"] }`;
      const program = await startProgram(t, { config: configOf([line]), env: sends.env });
      const waits = name === 'ENOBUFS' && (await program.engine()) === 'net';
      const { send, ask: askPod, next } = await udpClient(t, vip);
      assert.equal(await askPod('one'), `${pod}:one`);
      sends.on();
      for (let count = 0; count < 10; count += 1) send('more');
      const dropped = async () => sumOfSamples(await program.metrics(), 'sluice_datagrams_dropped_total');
      if (!waits) await until(async () => (await dropped()) === 10, 'ten datagrams are counted as dropped');
      sends.off();
      if (waits) for (let count = 0; count < 10; count += 1) assert.equal(String(await next()), `${pod}:more`);
      assert.equal(await askPod('two'), `${pod}:two`);
      assert.equal(received.length + (await dropped()), 12);
      assert.equal(sumOfSamples(await program.metrics(), 'sluice_flows_opened_total'), 1);
    });

    // The native engine sends later in both cases.
    test(`${name}, TCP: the connection lives on, or is reset by libuv, and the next one works`, {
      timeout: 20_000,
    }, async (t) => {
      const { target } = await backend(t, echo);
      const place = await frontendAt(address(3));
      const sends = switchFor(`tcp-${name}`, errno);
      const program = await startProgram(t, { config: configOf([service(place, [target])]), env: sends.env });
      const livesOn = name === 'ENOBUFS' || (await program.engine()) === 'native';
      const socket = await client(t, place.port, place.host);
      socket.write('x');
      await once(socket, 'data');
      sends.on();
      socket.write('y');
      const arrived = async () => sumOfSamples(await program.metrics(), 'sluice_to_endpoints_bytes_total') === 2;
      await until(arrived, 'sluice has read what it cannot send');
      sends.off();
      if (livesOn) await once(socket, 'data');
      else assert.equal(await endOf(socket), 'reset');
      socket.destroy();
      assert.equal((await ask(place)).kind, 'answered');
      const reasons = endings(await settled(program));
      assert.deepEqual(reasons, livesOn ? { closed: 2 } : { closed: 1, error: 1 });
    });
  }
});
