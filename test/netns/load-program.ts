import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { LoadQuestion, Request } from './load.ts';
import { monotonicUs } from './load.ts';

/*
 * HTTP clients that ask without end, half of them with a connection for each request, and the others keep theirs; see
 * `Child` and `StampedLoad`. Usage: load-program.ts URL CLIENTS_OF_EACH_KIND
 */
const [url = '', clients = ''] = process.argv.slice(2);
const timeoutMs = 10_000;
const requests: Request[] = [];
let isStopped = false;
/** Called for each request that has ended. */
let onRequest = (_: Request) => {};

async function ask(agent: Agent): Promise<Request> {
  const startUs = monotonicUs();
  const asked = request(url, { agent, signal: AbortSignal.timeout(timeoutMs) });
  asked.on('error', () => {});
  try {
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    const answer = await text(response);
    return { kind: 'answered', answer, startUs, endUs: monotonicUs(), reused: asked.reusedSocket };
  } catch (error) {
    const { message } = error as Error;
    return { kind: 'failed', message, startUs, endUs: monotonicUs(), reused: asked.reusedSocket };
  }
}

async function run(agent: Agent): Promise<void> {
  while (!isStopped) {
    const done = await ask(agent);
    requests.push(done);
    onRequest(done);
    // Clients that are refused are no storm.
    if (done.kind === 'failed') await delay(2);
  }
  agent.destroy();
}

const running = Array.from({ length: Number(clients) * 2 }, (_, index) =>
  run(new Agent({ keepAlive: index % 2 === 1, maxSockets: 1 })),
);

/** Until `count` requests have begun after now and ended, on connections of that kind. */
function more(reused: boolean, count: number): Promise<void> {
  const sinceUs = monotonicUs();
  let left = count;
  return new Promise((resolve) => {
    onRequest = (done) => {
      if (done.reused === reused && done.startUs >= sinceUs) left -= 1;
      if (left <= 0) resolve();
    };
  });
}

async function answer(question: LoadQuestion): Promise<void> {
  if (question.question === 'more') {
    await more(question.reused, question.count);
    process.send?.({});
    return;
  }
  isStopped = true;
  await Promise.all(running);
  process.send?.(requests);
}

process.on('message', (question: LoadQuestion) => void answer(question));
process.send?.({});
