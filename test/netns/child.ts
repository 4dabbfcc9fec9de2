import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ended } from './network.ts';

const answerMs = 20_000;

/**
 * A program of this folder that runs in a namespace for one test. It says something as soon as it is ready, and then
 * answers each question, in turn.
 */
export class Child {
  readonly #process: ChildProcess;
  /** What it said first. */
  readonly first: unknown;

  private constructor(child: ChildProcess, first: unknown) {
    this.#process = child;
    this.first = first;
  }

  static async start(t: TestContext, namespace: string, program: string, words: readonly string[] = []) {
    const execArgv = ['netns', 'exec', namespace, process.execPath, '--import', 'tsx'];
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = fork(join(import.meta.dirname, program), words, { execPath: 'ip', execArgv, env });
    t.after(() => ended(child));
    return new Child(child, await answerOf(child));
  }

  /** Rejects if the program ends before it answers, or has not answered in 20 s. One question at a time. */
  ask(question: object): Promise<unknown> {
    const answer = answerOf(this.#process);
    this.#process.send(question);
    return answer;
  }
}

async function answerOf(child: ChildProcess): Promise<unknown> {
  const stop = new AbortController();
  const gone = once(child, 'exit', stop).then(([code]) => Promise.reject(new Error(`the program ended: ${code}`)));
  const late = delay(answerMs, undefined, stop).then(() => Promise.reject(new Error(`no answer in ${answerMs} ms`)));
  for (const failure of [gone, late]) failure.catch(() => {});
  try {
    const [answer] = (await Promise.race([once(child, 'message', stop), gone, late])) as [unknown];
    return answer;
  } finally {
    stop.abort();
  }
}
