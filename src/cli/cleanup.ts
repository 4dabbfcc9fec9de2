import { Command } from 'commander';
import { formatProblem } from '../base/errors.ts';
import { cleanUp, hostParts } from '../vip/cleanup.ts';
import { type RunCommand, runCommand } from '../vip/command.ts';

/** `sluice cleanup`: exit code 0 if nothing of sluice is left, 1 if something could not be removed. */
export function cleanupCommand(run: RunCommand = runCommand): Command {
  return new Command('cleanup')
    .description('remove the addresses, routes and nftables table that a sluice which did not end well has left')
    .action(async () => {
      const { changes, problems } = await cleanUp(hostParts(run));
      for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
      if (problems.length === 0) process.stdout.write(changes === 0 ? 'nothing was left\n' : 'all of it was removed\n');
      process.exitCode = problems.length > 0 ? 1 : 0;
    });
}
