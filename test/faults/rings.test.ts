import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { ioUring } from '../../src/relay/native/addon.ts';
import { assertNoErrors, endings, settled } from '../support/books.ts';
import { isNetRun, nativeAddon } from '../support/native-addon.ts';
import type { Program } from '../support/program.ts';
import { backend, client, digest, echo, hashOf } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { failingProgram, skip } from './failing-calls.ts';
import { configOf, frontendAt, service } from './service.ts';

const vip = '127.60.29.1';
const many = 16;
const hasRings = !isNetRun && nativeAddon()?.refusal(ioUring) === 0;

async function answerOf(socket: Socket): Promise<string> {
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  return bytes.toString();
}

/** As proc_pid_stat(5) has it. */
function stateOf(pid: number): string | undefined {
  return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
}

/** Each asks its own question while the program stands still, so that one turn of its loop has them all. */
async function askAtOnce(program: Program, sockets: readonly Socket[], word: string): Promise<readonly string[]> {
  program.signal('SIGSTOP');
  await until(() => stateOf(program.pid) === 'T', 'the program stands still');
  const written = sockets.map((socket, index) => new Promise<unknown>((done) => socket.write(`${word}${index}`, done)));
  await Promise.all(written);
  const answers = Promise.all(sockets.map(answerOf));
  program.signal('SIGCONT');
  return answers;
}

const all = (word: string) => Array.from({ length: many }, (_, index) => `${word}${index}`);

describe('the call that sends for many connections breaks', { skip: skip || !hasRings }, () => {
  for (const [name, every] of [
    ['before it has sent for any', 1],
    ['when it has sent for one', 2],
  ] as const) {
    test(`${name}: every byte arrives once`, { timeout: 20_000 }, async (t: TestContext) => {
      const { target } = await backend(t, echo);
      const place = await frontendAt(vip);
      const failure = { call: 'io_uring_enter', code: 'ENOMEM', errno: 12, every } as const;
      const config = configOf([service(place, [target])], 'engine: native\nthreads: 0');
      const { program, fail, failures } = await failingProgram(t, failure, config);
      const sockets = await Promise.all(all('').map(() => client(t, place.port, vip)));
      assert.deepEqual(await askAtOnce(program, sockets, 'well'), all('well'));
      fail();
      assert.deepEqual(await askAtOnce(program, sockets, 'broken'), all('broken'));
      assert.equal(failures(), 1, 'it breaks, and is not asked again');
      assert.deepEqual(await askAtOnce(program, sockets, 'without'), all('without'));
      const nothingMore = { hash: hashOf(Buffer.from('')), bytes: 0 };
      for (const socket of sockets) socket.pause().end();
      for (const socket of sockets) assert.deepEqual(await digest(socket), nothingMore);
      assert.deepEqual(endings(await settled(program)), { closed: many });
      assertNoErrors(program);
    });
  }
});
