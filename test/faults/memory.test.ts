import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { assertNoErrors, settled } from '../support/books.ts';
import { type Program, startProgram } from '../support/program.ts';
import { sumOfSamples } from '../support/prometheus-text.ts';
import { backend, client } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { configOf, frontendAt, service } from './service.ts';

const vip = '127.60.7.1';
const kib = 1024;
const mib = 1024 * kib;

async function active(program: Program): Promise<number> {
  return sumOfSamples(await program.metrics(), 'sluice_flows_active');
}

describe('memory is bounded', () => {
  test('1,000 clients that connect and say nothing', async (t) => {
    const { target, sockets } = await backend(t);
    const place = await frontendAt(vip);
    const program = await startProgram(t, { config: configOf([service(place, [target])]) });
    const idle = async (count: number) => {
      for (let batch = 0; batch < count; batch += 100) {
        const all = sockets.length + 100;
        await Promise.all(Array.from({ length: 100 }, () => client(t, place.port, vip)));
        await until(() => sockets.length === all, 'the endpoint has them all');
      }
    };
    // What is only allocated once is not what a connection costs.
    await idle(100);
    const before = program.rssBytes();
    await idle(1_000);
    assert.equal(await active(program), 1_100);
    const each = (program.rssBytes() - before) / 1_000;
    assert.ok(each < 32 * kib, `${Math.round(each / kib)} KiB for an idle connection`);
    assertNoErrors(program);
  });

  test('40 slow readers of fast senders: bytes are held back at the sender', async (t) => {
    const count = 40;
    const chunk = Buffer.alloc(256 * kib, 'x');
    const pump = (socket: Socket) => {
      while (!socket.destroyed && socket.write(chunk));
    };
    const { target } = await backend(t, (socket) => {
      socket.on('drain', () => pump(socket));
      pump(socket);
    });
    const place = await frontendAt(vip);
    const program = await startProgram(t, { config: configOf([service(place, [target])], 'tcp: { buffer: 64KiB }') });
    const before = program.rssBytes();
    const readers = Array.from({ length: count }, () =>
      connect(place)
        .on('error', () => {})
        .pause(),
    );
    t.after(() => {
      for (const socket of readers) socket.destroy();
    });
    await Promise.all(readers.map((socket) => once(socket, 'connect')));
    const relayed = async () => sumOfSamples(await program.metrics(), 'sluice_from_endpoints_bytes_total');
    const still = async () => {
      let last = -1;
      await until(async () => {
        const previous = last;
        last = await relayed();
        await delay(200);
        return last > 0 && last === previous;
      }, 'nothing moves any more');
    };
    await still();
    const each = (program.rssBytes() - before) / count;
    assert.ok(each < 192 * kib, `${Math.round(each / kib)} KiB for a stuck connection`);
    const stuck = program.rssBytes();
    // More than the kernel holds for each: the senders send on, and get stuck again.
    await Promise.all(readers.map((socket) => readSome(socket, 6 * mib)));
    await still();
    assert.ok(program.rssBytes() - stuck < 16 * mib, `${(program.rssBytes() - stuck) / mib} MiB more`);
    for (const socket of readers) socket.destroy();
    await settled(program);
    assertNoErrors(program);
  });
});

/** Reads `bytes` or a little more, then no further. */
function readSome(socket: Socket, bytes: number): Promise<void> {
  return new Promise((resolve) => {
    let left = bytes;
    const onData = ({ length }: Buffer) => {
      left -= length;
      if (left > 0) return;
      socket.off('data', onData).pause();
      resolve();
    };
    socket.on('data', onData).resume();
  });
}
