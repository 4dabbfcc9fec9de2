import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { Child } from './child.ts';
import { ended } from './network.ts';

/** Now, in microseconds of CLOCK_MONOTONIC: the same clock in every process of this host. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** One HTTP request, and what came of it. */
export type Request = (
  | { readonly kind: 'answered'; readonly answer: string }
  /** `read ECONNRESET`; `socket hang up`: an end without an answer. */
  | { readonly kind: 'failed'; readonly message: string }
) & {
  /** Before it was made, and after its last byte or its failure: microseconds of CLOCK_MONOTONIC. */
  readonly startUs: number;
  readonly endUs: number;
  /** It went over a connection that an earlier request had made. */
  readonly reused: boolean;
};

export type LoadQuestion =
  | { readonly question: 'more'; readonly reused: boolean; readonly count: number }
  | { readonly question: 'stop' };

/** HTTP clients in a namespace that ask without end and note each request with its times. */
export class StampedLoad {
  readonly #child: Child;

  private constructor(child: Child) {
    this.#child = child;
  }

  /** So many clients that keep their connection, and as many that make one for each request. */
  static async start(t: TestContext, namespace: string, url: string, clients: number): Promise<StampedLoad> {
    return new StampedLoad(await Child.start(t, namespace, 'load-program.ts', [url, String(clients)]));
  }

  /** Resolves when `count` further requests have begun and ended, on new connections or on reused ones. */
  async more(connections: 'new' | 'reused', count: number): Promise<void> {
    const question: LoadQuestion = { question: 'more', reused: connections === 'reused', count };
    await this.#child.ask(question);
  }

  /** All requests, when the last ones have ended. */
  async stop(): Promise<readonly Request[]> {
    const question: LoadQuestion = { question: 'stop' };
    return (await this.#child.ask(question)) as readonly Request[];
  }
}

export interface WrkResult {
  readonly requests: number;
  /** Connections that were refused or broke, requests without an answer, and answers that are no 200. */
  readonly errors: number;
}

/** wrk in a namespace, with one thread. It asks until the result is asked for, for 60 s at most. */
export function startWrk(
  t: TestContext,
  namespace: string,
  url: string,
  connections: number,
): () => Promise<WrkResult> {
  const wrk = ['wrk', '-t1', `-c${connections}`, '-d60s', '--timeout', '20s', url];
  const child = spawn('ip', ['netns', 'exec', namespace, ...wrk], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => ended(child));
  const output = text(child.stdout);
  return async () => {
    // It stops and tells what it has so far.
    child.kill('SIGINT');
    if (child.exitCode === null) await once(child, 'exit');
    return readWrk(await output);
  };
}

function readWrk(output: string): WrkResult {
  const [, requests] = /(\d+) requests in /.exec(output) ?? [];
  if (requests === undefined) throw new Error(`wrk said nothing of requests:\n${output}`);
  const errors = [/Socket errors: (.*)/, /Non-2xx or 3xx responses: (.*)/].flatMap((line) => {
    const [, counts = ''] = line.exec(output) ?? [];
    return [...counts.matchAll(/\d+/g)].map(Number);
  });
  return { requests: Number(requests), errors: errors.reduce((sum, count) => sum + count, 0) };
}
