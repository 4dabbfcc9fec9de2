import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { formatProblem } from '../base/errors.ts';
import type { Claim } from '../vip/claim.ts';
import { cleanUp, hostParts } from '../vip/cleanup.ts';
import { type RunCommand, runCommand } from '../vip/command.ts';
import { SocketClaim } from '../vip/socket-claim.ts';

export interface CleanupInit {
  readonly run: RunCommand;
  readonly claim: Claim;
}

/** `sluice cleanup`: exit code 0 if nothing of sluice is left; 1 if a running sluice has it, or something could not be removed. */
export function cleanupCommand({ run, claim }: CleanupInit = { run: runCommand, claim: ownClaim() }): Command {
  return new Command('cleanup')
    .description('remove the addresses, routes and nftables table that a sluice which did not end well has left')
    .action(async () => {
      const { changes, problems } = await cleanUp(hostParts(run), claim);
      for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
      if (problems.length === 0) process.stdout.write(changes === 0 ? 'nothing was left\n' : 'all of it was removed\n');
      process.exitCode = problems.length > 0 ? 1 : 0;
    });
}

/** Where nobody can be asked, a person who cleans up knows best. */
function ownClaim(): Claim {
  return new SocketClaim({ clock: systemClock, onUnguarded: () => {} });
}
