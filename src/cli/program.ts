import { Command } from 'commander';
import { version } from '../base/version.ts';
import { endWithReader } from './reader.ts';

/** In the order of `sluice --help`. Each is loaded when it is wanted: `sluice get` does not wait for what relays. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./run.ts')).runCommand(),
  check: async () => (await import('./check.ts')).checkCommand(),
  get: async () => (await import('./get.ts')).getCommand(),
  describe: async () => (await import('./describe.ts')).describeCommand(),
  explain: async () => (await import('./explain.ts')).explainCommand(),
  schema: async () => (await import('./schema.ts')).schemaCommand(),
  doctor: async () => (await import('./doctor.ts')).doctorCommand(),
  cleanup: async () => (await import('./cleanup.ts')).cleanupCommand(),
  demo: async () => (await import('./demo.ts')).demoCommand(),
};

const longLived: ReadonlySet<string> = new Set(['run', 'demo']);

/** The command line. With the name of a command as its `first` argument it has that one, else all of them. */
export async function program(first: string | undefined): Promise<Command> {
  const whole = new Command('sluice')
    .description('Kubernetes Services for any Linux host: relays TCP and UDP from VIP:PORT to pods')
    .version(version, '-V, --version')
    // What goes on by itself is not for its reader alone.
    .hook('preAction', (_program, command) => {
      if (!longLived.has(command.name())) endWithReader();
    })
    .showHelpAfterError('(sluice --help lists the commands)');
  const named = Object.entries(commands).filter(([name]) => name === first);
  for (const [name, load] of named.length > 0 ? named : Object.entries(commands)) {
    whole.addCommand((await load()).showHelpAfterError(`(see sluice ${name} --help)`));
  }
  return whole;
}
