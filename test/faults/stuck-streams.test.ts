import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { assertNoErrors, settled } from '../support/books.ts';
import { type Program, startProgram } from '../support/program.ts';
import { sumOfSamples } from '../support/prometheus-text.ts';
import { backend } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { isInside, passesInside, skip } from './own-namespace.ts';
import { configOf, frontendAt, service } from './service.ts';

/*
 * What the kernel holds for a socket is bounded for a whole network namespace (tcp_rmem and tcp_wmem, tcp(7)), so that a
 * thousand streams get stuck soon: this file runs itself in one.
 */

const kib = 1024;
const streams = 1_000;

test('slow readers of fast senders, in a network namespace', { skip }, () => passesInside(import.meta.url));

/** Sends whenever it can. */
function pump(socket: Socket): void {
  const chunk = Buffer.alloc(16 * kib, 'x');
  const more = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', more);
  more();
}

/** Reads `bytes` or a little more, then no further. */
async function readSome(socket: Socket, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; ) {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) await once(socket, 'readable');
    else left -= chunk.length;
  }
}

/** Resolves when nothing moves any more. */
async function stuck(program: Program): Promise<void> {
  let last = -1;
  await until(async () => {
    const previous = last;
    last = sumOfSamples(await program.metrics(), 'sluice_from_endpoints_bytes_total');
    await delay(200);
    return last > 0 && last === previous;
  }, 'nothing moves any more');
}

test('1,000 slow readers of fast senders: bytes are held back at the sender', {
  skip: !isInside && 'runs inside',
}, async (t) => {
  writeFileSync('/proc/sys/net/ipv4/tcp_rmem', '4096 16384 32768');
  writeFileSync('/proc/sys/net/ipv4/tcp_wmem', '4096 16384 32768');
  const { target, sockets } = await backend(t, pump);
  const place = await frontendAt('127.60.15.1');
  const program = await startProgram(t, { config: configOf([service(place, [target])], 'tcp: { buffer: 64KiB }') });
  const before = program.rssBytes();
  const readers: Socket[] = [];
  t.after(() => {
    for (const socket of readers) socket.destroy();
  });
  while (readers.length < streams) {
    const batch = Array.from({ length: 100 }, () => connect(place).on('error', () => {}));
    readers.push(...batch);
    await until(() => sockets.length === readers.length, 'the endpoint has them all');
  }
  await stuck(program);
  const check = () => {
    const each = (program.rssBytes() - before) / streams;
    assert.ok(each < 128 * kib, `${Math.round(each / kib)} KiB for a stuck connection`);
  };
  check();
  // More than anybody holds for each: the senders send on, and get stuck again.
  await Promise.all(readers.map((socket) => readSome(socket, 256 * kib)));
  await stuck(program);
  check();
  for (const socket of readers) socket.destroy();
  await settled(program);
  assertNoErrors(program);
});
