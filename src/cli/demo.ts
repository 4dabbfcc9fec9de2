import { Command } from 'commander';
import { DemoBackends, showTurn, whatToTry } from '../app/demo.ts';
import { runProcess } from '../app/process.ts';
import { UserError } from '../base/errors.ts';
import { ownPath } from '../base/own-files.ts';
import type { ProcessConfig } from '../config/load.ts';
import { loadConfig } from '../config/load.ts';

export function demoCommand(): Command {
  return new Command('demo')
    .description('run the shipped configuration with demo backends inside, and show the turn going round')
    .option('-c, --config <file>', 'another configuration, whose backends are addresses of this host')
    .action(async ({ config: configFile = ownPath('config/sluice.yaml') }: { config?: string }) => {
      process.exit((await openBackends(configFile)) ? await run(configFile) : 1);
    });
}

/** What is wrong with the configuration is told by whoever runs it. */
async function openBackends(configFile: string): Promise<boolean> {
  const loaded = await loadConfig(configFile);
  if (loaded.kind === 'invalid') return true;
  try {
    await new DemoBackends().open(loaded.config);
    return true;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return false;
  }
}

function run(configFile: string): Promise<number> {
  return runProcess({
    configFile,
    adjust: quiet,
    onReady: (config) => {
      process.stdout.write(whatToTry(config, configFile));
      void showTurn(config).then((lines) => process.stdout.write(lines));
    },
  });
}

/** What is printed here is for a person: the log says only what goes wrong. */
function quiet(config: ProcessConfig): ProcessConfig {
  return { ...config, log: { ...config.log, level: 'warn' } };
}
