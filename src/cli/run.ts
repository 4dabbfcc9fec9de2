import { Command } from 'commander';
import { runProcess } from '../app/process.ts';
import { defaultConfigFile } from './default-config.ts';

export function runCommand(): Command {
  return new Command('run')
    .description('relay what the configuration says, until SIGTERM or SIGINT')
    .option('-c, --config <file>', 'process configuration; read again when it changes and on SIGHUP', defaultConfigFile)
    .action(async ({ config }: { config: string }) => {
      process.exit(await runProcess({ configFile: config }));
    });
}
