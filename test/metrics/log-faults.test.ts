import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, createReadStream, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';

const program = join(import.meta.dirname, 'log-program.ts');
const lines = 20_000;
/** Only reached if the program hangs, which is what these tests are about. */
const deadlineMs = 60_000;

interface Report {
  readonly event: 'logged' | 'closed';
  readonly dropped: number;
  readonly flushed?: boolean;
}

function start(t: TestContext, stdout: number | 'pipe', flushMs: number): ChildProcess {
  const args = ['--import', 'tsx', program, String(lines), String(flushMs)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', stdout, 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
  t.after(() => {
    clearTimeout(timer);
    child.kill('SIGKILL');
  });
  return child;
}

/** What the program said at each of its two steps; its exit code must be its own. */
async function outcome(child: ChildProcess): Promise<Report[]> {
  assert.ok(child.stderr);
  const reports: Report[] = [];
  const other: string[] = [];
  createInterface(child.stderr).on('line', (line) => {
    if (line.startsWith('{"event"')) reports.push(JSON.parse(line));
    else other.push(line);
  });
  const [code, signal] = await once(child, 'close');
  assert.deepEqual({ code, signal, other }, { code: 7, signal: null, other: [] });
  return reports;
}

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Both ends of a new pipe. (What `stdio: 'pipe'` makes is a pair of sockets.) */
function makePipe(t: TestContext): { reader: number; writer: number } {
  const path = join(makeFolder(t), 'fifo');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reader, writer: openSync(path, constants.O_WRONLY) };
}

test('log pipe blocked: the program goes on, counts what it gives up, and ends in time', async (t) => {
  const { reader, writer } = makePipe(t);
  t.after(() => closeSync(reader));
  const child = start(t, writer, 200);
  closeSync(writer);
  const [logged, closed] = await outcome(child);
  assert.ok(logged && logged.dropped > lines / 2, `dropped ${logged?.dropped}`);
  assert.equal(closed?.flushed, false);
  assert.ok(closed.dropped > logged.dropped, 'what was held is counted as well');
});

test('log socket blocked: the same', async (t) => {
  const [logged, closed] = await outcome(start(t, 'pipe', 200));
  assert.ok(logged && logged.dropped > lines / 2, `dropped ${logged?.dropped}`);
  assert.equal(closed?.flushed, false);
});

test('log pipe closed: the program goes on and ends', async (t) => {
  const { reader, writer } = makePipe(t);
  closeSync(reader);
  const child = start(t, writer, 200);
  closeSync(writer);
  const [, closed] = await outcome(child);
  assert.deepEqual(closed, { event: 'closed', flushed: false, dropped: lines });
});

test('log socket closed: the program goes on and ends', async (t) => {
  const child = start(t, 'pipe', 200);
  child.stdout?.destroy();
  const [, closed] = await outcome(child);
  assert.deepEqual(closed, { event: 'closed', flushed: false, dropped: lines });
});

test('log disk full: the program goes on and ends', async (t) => {
  const fd = openSync('/dev/full', 'w');
  t.after(() => closeSync(fd));
  const [, closed] = await outcome(start(t, fd, 200));
  assert.deepEqual(closed, { event: 'closed', flushed: false, dropped: lines });
});

test('log pipe slow: every line is read whole and in order, or counted as dropped', async (t) => {
  const { reader, writer } = makePipe(t);
  const child = start(t, writer, 30_000);
  closeSync(writer);
  assert.ok(child.stderr);
  // Nothing is read until the program has logged all: its buffer is full by then.
  const reports = outcome(child);
  await once(child.stderr, 'data');
  const pipe = new Socket({ fd: reader, readable: true, writable: false });
  const numbers: number[] = [];
  for await (const line of createInterface(pipe)) numbers.push(JSON.parse(line).number);
  const [, closed] = await reports;
  assert.equal(closed?.flushed, true);
  assert.ok(closed.dropped > 0);
  assert.equal(numbers.length + closed.dropped, lines);
  assert.deepEqual(
    numbers,
    [...numbers].sort((a, b) => a - b),
  );
});

test('log file: every line is there', async (t) => {
  const path = join(makeFolder(t), 'log');
  const fd = openSync(path, 'w');
  t.after(() => closeSync(fd));
  const [, closed] = await outcome(start(t, fd, 30_000));
  const numbers: number[] = [];
  for await (const line of createInterface(createReadStream(path))) numbers.push(JSON.parse(line).number);
  assert.equal(closed?.flushed, true);
  assert.equal(numbers.length + closed.dropped, lines);
});
