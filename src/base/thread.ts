import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { errorCode } from './errors.ts';
import { startThread } from './own-files.ts';

export type ThreadResult<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** Its heap was full, and is gone; the process goes on. */
  | { readonly kind: 'out-of-memory' }
  /** There is no thread to be had, or its program has a bug. */
  | { readonly kind: 'failed' };

/** From this length on, in bytes or characters, a YAML text takes longer to read than a thread takes to start: 50 ms. */
export const longTextLength = 64 * 1024;

/**
 * Runs `program`, see `startThread`, in a thread of its own until it has called `answer`. Both sides get copies of plain
 * data. Work that takes long does not hold up the event loop there, and its memory is given back.
 */
export async function askThread<Answer>(program: string, question: unknown): Promise<ThreadResult<Answer>> {
  try {
    const [said] = await once(startThread(program, question), 'message');
    return { kind: 'answered', answer: said as Answer };
  } catch (error) {
    return { kind: errorCode(error) === 'ERR_WORKER_OUT_OF_MEMORY' ? 'out-of-memory' : 'failed' };
  }
}

/** The whole of a thread's program: what `respond` says to the question is the answer. */
export async function answer<Question>(respond: (question: Question) => unknown): Promise<void> {
  parentPort?.postMessage(await respond(workerData as Question));
}
