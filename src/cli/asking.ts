import { Option } from 'commander';
import { formatProblem, UserError } from '../base/errors.ts';
import { adminTarget } from './admin-address.ts';
import { AdminClient } from './admin-client.ts';

/** What all commands that ask a running sluice have in common. */
export interface AskingOptions {
  readonly admin?: string;
}

export function adminOption(): Option {
  return new Option(
    '--admin <address>',
    'where sluice answers: host:port or unix:/path (default: $SLUICE_ADMIN, else admin.listen of the default configuration, else 127.0.0.1:9090)',
  );
}

/** Runs `task`; what is wrong outside of the program is told in a line each, and ends the command with 1. */
export async function asking(options: AskingOptions, task: (client: AdminClient) => Promise<void>): Promise<void> {
  try {
    await task(new AdminClient(await adminTarget(options.admin)));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    for (const problem of error.problems) process.stderr.write(`error: ${formatProblem(problem)}\n`);
    process.exitCode = 1;
  }
}

/** As kubectl says it. */
export function tellNotFound(resource: string, name: string): void {
  process.stderr.write(`Error from server (NotFound): ${resource} "${name}" not found\n`);
  process.exitCode = 1;
}

/** A mistake in the command line. */
export function usageError(message: string): UserError {
  return new UserError([{ code: 'USAGE', message }]);
}

/** What stands before the first slash, and what stands after it. */
export function splitName(word: string): readonly [before: string, after: string | undefined] {
  const slash = word.indexOf('/');
  return slash < 0 ? [word, undefined] : [word.slice(0, slash), word.slice(slash + 1)];
}
