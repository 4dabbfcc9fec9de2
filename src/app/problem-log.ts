import type { Logger } from 'pino';
import type { Problem } from '../base/errors.ts';
import { formatProblem } from '../base/errors.ts';

/** Logs each problem once when it comes, and once when it is gone. */
export class ProblemLog {
  readonly #logger: Logger;
  #known: ReadonlyMap<string, Problem> = new Map();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** `problems`: all that there are now. */
  update(problems: readonly Problem[]): void {
    const next = new Map(problems.map((problem) => [formatProblem(problem), problem]));
    for (const [text, { code, path, position }] of next) {
      if (!this.#known.has(text)) this.#logger.error({ code, path, ...position }, text);
    }
    for (const [text, { code }] of this.#known) if (!next.has(text)) this.#logger.info({ code }, `solved: ${text}`);
    this.#known = next;
  }
}
