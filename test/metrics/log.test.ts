import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLog } from '../../src/metrics/log.ts';
import type { Channel, Written } from '../../src/metrics/log-channel.ts';
import { LogWriter } from '../../src/metrics/log-writer.ts';
import { FakeClock } from '../support/fake-clock.ts';

describe('the log', () => {
  test('lines are JSON objects with the level as a word and the time for people', () => {
    const lines: string[] = [];
    const { logger } = createLog({ level: 'info', destination: { write: (line) => lines.push(line) } });
    logger.info({ feed: 'files' }, 'synced');
    const { time, ...rest } = JSON.parse(lines[0] ?? '');
    assert.deepEqual(rest, { level: 'info', feed: 'files', msg: 'synced' });
    assert.ok(!Number.isNaN(Date.parse(time)));
  });

  test('the level changes while it runs, for children too', () => {
    const lines: string[] = [];
    const log = createLog({ level: 'info', destination: { write: (line) => lines.push(line) } });
    const child = log.logger.child({ room: 'feed' });
    const grandchild = child.child({ feed: 'files' });
    const say = () => {
      for (const logger of [log.logger, child, grandchild]) logger.debug('heard');
    };
    say();
    assert.equal(lines.length, 0);
    log.setLevel('debug');
    say();
    assert.equal(lines.length, 3);
    log.setLevel('silent');
    say();
    assert.equal(lines.length, 3);
  });

  test('a destination of its own has nothing to wait for', async () => {
    const log = createLog({ level: 'info', destination: { write: () => {} } });
    log.logger.info('line');
    assert.equal(await log.flush(1_000), true);
    assert.equal(await log.close(1_000), true);
    assert.equal(log.dropped, 0);
  });
});

/** A destination that takes what it is told to take. */
class FakeChannel implements Channel {
  /** Each write that was begun. */
  readonly chunks: string[] = [];
  closed = 0;
  #done: Written | undefined;
  #waiter: (() => void) | undefined;

  write(chunk: Buffer, done: Written): void {
    this.chunks.push(chunk.toString());
    this.#done = done;
    this.#waiter?.();
  }

  close(): void {
    this.closed += 1;
  }

  /** Resolves once a write is under way. */
  async begun(): Promise<void> {
    if (this.#done === undefined) await new Promise<void>((resolve) => (this.#waiter = resolve));
  }

  finish(error: Error | null, written: number): void {
    const done = this.#done;
    assert.ok(done, 'a write is under way');
    this.#done = undefined;
    done(error, written);
  }
}

function setUp(limitBytes = 1_000) {
  const channel = new FakeChannel();
  const clock = new FakeClock();
  let opened = 0;
  const open = () => {
    opened += 1;
    return channel;
  };
  const writer = new LogWriter({ open, clock, limitBytes });
  return { channel, clock, writer, opened: () => opened };
}

describe('the writer', () => {
  test('lines of one turn go out in one write, those that come meanwhile in the next', async () => {
    const { channel, writer } = setUp();
    writer.write('a\n');
    writer.write('b\n');
    await channel.begun();
    writer.write('c\n');
    channel.finish(null, 4);
    assert.deepEqual(channel.chunks, ['a\nb\n', 'c\n']);
    const flushed = writer.flush(10_000);
    channel.finish(null, 2);
    assert.equal(await flushed, true);
    assert.deepEqual([writer.heldBytes, writer.dropped], [0, 0]);
  });

  test('beyond the limit lines are dropped and counted, and taken again when there is room', async () => {
    const { channel, writer } = setUp(10);
    for (const line of ['aaaa\n', 'bbbb\n', 'cccc\n']) writer.write(line);
    assert.deepEqual([writer.heldBytes, writer.dropped], [10, 1]);
    await channel.begun();
    channel.finish(null, 10);
    writer.write('dddd\n');
    await channel.begun();
    assert.deepEqual(channel.chunks, ['aaaa\nbbbb\n', 'dddd\n']);
    assert.equal(writer.dropped, 1);
  });

  test('a write is at most a pipe full', async () => {
    const { channel, writer } = setUp(1_000_000);
    const line = `${'x'.repeat(39_999)}\n`;
    for (let count = 0; count < 3; count += 1) writer.write(line);
    await channel.begun();
    channel.finish(null, 40_000);
    channel.finish(null, 40_000);
    assert.deepEqual(
      channel.chunks.map((chunk) => chunk.length),
      [40_000, 40_000, 40_000],
    );
  });

  test('a disk that was full goes on where it stopped, and no line is torn', async () => {
    const { channel, clock, writer, opened } = setUp();
    writer.write('first\n');
    await channel.begun();
    channel.finish(null, 2);
    channel.finish(new Error('ENOSPC'), 0);
    assert.equal(channel.closed, 1);
    writer.write('second\n');
    assert.deepEqual(channel.chunks, ['first\n', 'rst\n']);
    clock.advance(1_000);
    channel.finish(null, 4);
    channel.finish(null, 7);
    assert.deepEqual(channel.chunks.slice(2), ['rst\n', 'second\n']);
    assert.deepEqual([opened(), writer.heldBytes, writer.dropped], [2, 0, 0]);
  });

  test('a destination that cannot be opened is tried again', async () => {
    const { channel, clock } = setUp();
    let tries = 0;
    const open = () => {
      tries += 1;
      if (tries === 1) throw new Error('ENXIO');
      return channel;
    };
    const writer = new LogWriter({ open, clock, limitBytes: 100 });
    writer.write('a\n');
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([tries, clock.pending], [1, 1]);
    clock.advance(1_000);
    channel.finish(null, 2);
    assert.deepEqual([tries, channel.chunks], [2, ['a\n']]);
  });

  test('flush gives up after its time; close counts what is left, and what comes later', async () => {
    const { channel, clock, writer } = setUp();
    writer.write('a\nb\n');
    await channel.begun();
    writer.write('c\n');
    assert.equal(await writer.flush(1), false);
    assert.equal(await writer.close(1), false);
    assert.equal(writer.dropped, 3);
    writer.write('d\n');
    assert.deepEqual([writer.dropped, channel.closed, clock.pending], [4, 1, 0]);
    channel.finish(null, 4);
    assert.equal(channel.chunks.length, 1);
  });
});
