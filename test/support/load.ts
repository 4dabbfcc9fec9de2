import { once } from 'node:events';
import { connect } from 'node:net';
import { errorCode } from '../../src/base/errors.ts';

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** What came of one request: the whole answer, or the error code of what went wrong. */
export type Outcome =
  | { readonly kind: 'answered'; readonly answer: string }
  /** `connected`: the failure came after the handshake. */
  | { readonly kind: 'failed'; readonly code: string; readonly connected: boolean };

/** Connects, sends `question` and FIN, and reads to the end. It never rejects. */
export async function ask({ host, port }: Place, question = 'hello'): Promise<Outcome> {
  const socket = connect({ host, port });
  let connected = false;
  socket.setEncoding('utf8');
  try {
    await once(socket, 'connect');
    connected = true;
    socket.end(question);
    let answer = '';
    for await (const text of socket) answer += text;
    return { kind: 'answered', answer };
  } catch (error) {
    return { kind: 'failed', code: errorCode(error), connected };
  } finally {
    socket.destroy();
  }
}

/** A load that goes on until it is stopped: so many clients, each asks again as soon as it was answered. */
export class Load {
  readonly outcomes: Outcome[] = [];
  readonly #clients: Promise<void>[];
  #stopped = false;

  constructor(place: Place, clients: number, question?: string) {
    this.#clients = Array.from({ length: clients }, () => this.#run(place, question));
  }

  /** Resolves when the last requests have been answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  /** How often each answer was given; failures are counted under their code. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const outcome of this.outcomes) {
      const word = outcome.kind === 'answered' ? outcome.answer : outcome.code;
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    return counts;
  }

  async #run(place: Place, question?: string): Promise<void> {
    while (!this.#stopped) this.outcomes.push(await ask(place, question));
  }
}
