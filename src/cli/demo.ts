import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { DemoBackends, showTurn, whatToTry } from '../app/demo.ts';
import { runProcess } from '../app/process.ts';
import type { ProcessConfig } from '../config/load.ts';
import { loadConfig } from '../config/load.ts';

/** Two folders above both src/cli/ and dist/cli/. */
const shippedConfig = fileURLToPath(new URL('../../config/sluice.yaml', import.meta.url));

export function demoCommand(): Command {
  return new Command('demo')
    .description('run the shipped configuration with demo backends inside, and show the turn going round')
    .option('-c, --config <file>', 'another configuration, whose backends are addresses of this host', shippedConfig)
    .action(async ({ config: configFile }: { config: string }) => {
      const backends = new DemoBackends();
      const loaded = await loadConfig(configFile);
      if (loaded.kind === 'ok') await backends.open(loaded.config);
      const code = await runProcess({
        configFile,
        adjust: quiet,
        onReady: (config) => {
          process.stdout.write(whatToTry(config, configFile));
          void showTurn(config).then((lines) => process.stdout.write(lines));
        },
      });
      process.exit(code);
    });
}

/** What is printed here is for a person: the log says only what goes wrong. */
function quiet(config: ProcessConfig): ProcessConfig {
  return { ...config, log: { ...config.log, level: 'warn' } };
}
