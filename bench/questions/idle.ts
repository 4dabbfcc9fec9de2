import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Question } from '../question.ts';
import { kibibytes } from '../show.ts';
import type { Rig, Subject } from '../subjects/subject.ts';
import { residentKiB } from '../support/cpu.ts';
import type { Place } from '../support/ready.ts';

/** Opens a connection and has one request answered on it, so that the whole path exists; then it is idle. */
function openIdle({ host, port }: Place): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => socket.write('GET / HTTP/1.1\r\nHost: bench\r\n\r\n'));
    socket.once('data', () => resolve(socket));
    socket.once('error', reject).once('close', () => reject(new Error('closed')));
  });
}

/** In groups, so that no listen queue overflows. */
async function openAll(place: Place, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const group = Array.from({ length: Math.min(100, count - sockets.length) }, () => openIdle(place));
    sockets.push(...(await Promise.all(group)));
  }
  return sockets;
}

/** Resident memory once it has stopped growing: three equal readings to a quarter of a percent, or two seconds. */
async function settledKiB(pid: number): Promise<number> {
  let last = residentKiB(pid);
  for (let tries = 0, calm = 0; tries < 20 && calm < 3; tries++) {
    await delay(100);
    const now = residentKiB(pid);
    calm = Math.abs(now - last) <= last / 400 ? calm + 1 : 0;
    last = now;
  }
  return last;
}

const collector = join(import.meta.dirname, '..', 'support', 'collect-on-signal.mjs');

/** sluice lets its garbage be collected when it is told to. */
function collectable(rig: Rig): Rig {
  return { ...rig, sluiceFlags: [...rig.sluiceFlags, '--expose-gc', '--import', collector] };
}

/** How long after a rush sluice gives freed memory back (`src/base/calm.ts`: a second and the rest of another). */
const calmMs = 2_200;

/** What stays resident when garbage is collected, where there is any. Twice, as some of it goes only then. */
async function collectedKiB(pid: number, { engine }: Subject): Promise<number> {
  if (engine === undefined) return settledKiB(pid);
  await delay(calmMs);
  for (let times = 0; times < 2; times += 1) {
    process.kill(pid, 'SIGPWR');
    await delay(200);
  }
  return settledKiB(pid);
}

const warmConnections = 500;
const target = { of: 'value', atMost: { net: 9, native: 1, native0: 1 } } as const;

/**
 * A fresh process each time: one that has already held thousands of connections would reuse their memory and show
 * nothing, and so would a heap that short connections have filled with garbage. It is warmed with connections that stay
 * open: they load and compile the code, take the steps that a heap grows in at first, and leave nothing behind.
 *
 * V8 lets garbage lie until there are megabytes of it, and new objects twice: that is a constant, which over a few
 * thousand connections made the same build cost between 0.5 and 2.3 KiB. So it is collected before each reading; what a
 * process had grown by without that is a row of its own.
 */
export const idle: Question = {
  name: 'idle',
  needs: ['nginx'],
  // Memory itself may fall, when a collection comes between the readings.
  proof: 'startKib',
  rounds: (asked) => Math.min(Math.ceil(asked / 2), 3),
  concerns: ({ hasTcp, name }) => hasTcp && name !== 'direct',
  metrics: [
    { key: 'kib', label: 'RSS per idle connection', show: kibibytes, baseline: 'HAProxy', target },
    { key: 'rawKib', label: '  with garbage not collected yet', show: kibibytes },
    { key: 'startKib', label: '  RSS before them', show: (kib) => `${(kib / 1024).toFixed(0)} MiB` },
  ],
  async measure({ rig, pace, backends }, { subject }) {
    const { pid, web, close } = await subject.start(collectable(rig), rig.freshVip(), backends);
    if (pid === undefined || web === undefined) throw new Error('has no process');
    const sockets: Socket[] = [];
    try {
      sockets.push(...(await openAll(web, warmConnections)));
      const before = await collectedKiB(pid, subject);
      sockets.push(...(await openAll(web, pace.idleConnections)));
      const raw = await settledKiB(pid);
      const after = await collectedKiB(pid, subject);
      const closed = sockets.filter(({ readyState }) => readyState !== 'open').length;
      if (closed > 0) throw new Error(`closed ${closed} idle connections`);
      const each = (kib: number) => (kib - before) / pace.idleConnections;
      return { kib: each(after), rawKib: each(raw), startKib: before };
    } finally {
      for (const socket of sockets) socket.destroy();
      await close();
    }
  },
};
