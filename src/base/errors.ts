/** Where in a document something was found. Lines and columns count from 1, as editors show them. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Problem {
  /** Stable and greppable, e.g. `CONFIG_UNKNOWN_KEY`. */
  readonly code: string;
  /** What is wrong and what to do about it, as one sentence without a full stop. */
  readonly message: string;
  /** The place inside the document, e.g. `services[0].ports[1].port`. */
  readonly path?: string;
  readonly position?: Position;
}

/** `file:line:column: path: message [CODE]`, with the parts that are known. */
export function formatProblem({ code, message, path, position }: Problem): string {
  const where = position === undefined ? '' : `${position.file}:${position.line}:${position.column}: `;
  return `${where}${path ? `${path}: ` : ''}${message} [${code}]`;
}

/** An error that a user is meant to see: something outside the program is wrong. Bugs throw anything else. */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly [Problem, ...Problem[]] | readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

/** The code of a system error (`ECONNREFUSED`, `EMFILE`, …), or `UNKNOWN`. */
export function errorCode(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code;
  return 'UNKNOWN';
}
