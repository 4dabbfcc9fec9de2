import { Command } from 'commander';
import { version } from '../base/version.ts';
import { checkCommand } from './check.ts';
import { cleanupCommand } from './cleanup.ts';
import { demoCommand } from './demo.ts';
import { describeCommand } from './describe.ts';
import { doctorCommand } from './doctor.ts';
import { explainCommand } from './explain.ts';
import { getCommand } from './get.ts';
import { runCommand } from './run.ts';
import { schemaCommand } from './schema.ts';

/** The command line, whole. */
export function program(): Command {
  return new Command('sluice')
    .description('Kubernetes Services for any Linux host: relays TCP and UDP from VIP:PORT to pods')
    .version(version, '-V, --version')
    .showHelpAfterError('(sluice --help lists the commands)')
    .addCommand(runCommand())
    .addCommand(checkCommand())
    .addCommand(getCommand())
    .addCommand(describeCommand())
    .addCommand(explainCommand())
    .addCommand(schemaCommand())
    .addCommand(doctorCommand())
    .addCommand(cleanupCommand())
    .addCommand(demoCommand());
}
