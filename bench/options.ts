import { Command, InvalidArgumentError, Option } from 'commander';
import type { Pace } from './question.ts';

export interface Options {
  readonly pace: Pace;
  /** Questions to ask; all if empty. */
  readonly only: readonly string[];
  readonly bare: boolean;
  /** See `priority.ts`. */
  readonly undisturbed: boolean;
  readonly build: boolean;
  readonly smoke: boolean;
  readonly markdown: boolean;
  readonly json?: string;
  readonly node?: string;
  /** A folder for CPU profiles of every sluice process. */
  readonly profile?: string;
}

const full: Pace = { rounds: 5, seconds: 3, idleConnections: 6_000, services: 5_000, frontends: 1_000 };
/** The whole run takes less than a minute. */
const quick: Pace = { ...full, rounds: 2, seconds: 0.5 };
/** Says only that everything works: the numbers mean nothing. */
const smoke: Pace = { rounds: 1, seconds: 0.2, idleConnections: 50, services: 50, frontends: 20 };

/** Reads the arguments; ends the process with a message if they are wrong. */
export function parseOptions(argv: readonly string[], questions: readonly string[]): Options {
  const command = new Command('npm run bench --')
    .description('Measures sluice beside no proxy, HAProxy and nginx, and prints one table.')
    .option('--quick', 'the whole run in less than a minute')
    .addOption(new Option('--smoke', 'a few seconds; fails if a subject that should work does not').conflicts('quick'))
    .option('--rounds <n>', 'interleaved rounds; the table shows their medians', positive)
    .option('--only <questions>', `some of ${questions.join(',')}`, (text: string) => listOf(text, questions))
    .option('--bare', 'one more column: the shortest relay that Node can run')
    .option('--undisturbed', 'real-time priority for all that is measured: others on this machine starve meanwhile')
    .option('--node <path>', 'the Node.js that runs sluice (default: one that is 24 or newer)')
    .option('--profile <folder>', 'CPU profiles of sluice (node --cpu-prof); the numbers suffer')
    .option('--json <file>', 'where the numbers go (default: bench/results/latest.json)')
    .option('--markdown', 'the table as Markdown')
    .option('--no-build', 'measure dist/ as it is');
  const given = command.parse([...argv], { from: 'user' }).opts();
  const pace = given.smoke ? smoke : given.quick ? quick : full;
  return {
    pace: { ...pace, ...(given.rounds !== undefined && { rounds: given.rounds }) },
    only: given.only ?? [],
    bare: given.bare === true,
    undisturbed: given.undisturbed === true,
    build: given.build !== false,
    smoke: given.smoke === true,
    markdown: given.markdown === true,
    ...(given.json !== undefined && { json: given.json }),
    ...(given.node !== undefined && { node: given.node }),
    ...(given.profile !== undefined && { profile: given.profile }),
  };
}

function positive(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('a whole number above 0 is wanted');
  return Number(text);
}

function listOf(text: string, questions: readonly string[]): string[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !questions.includes(name));
  if (unknown.length > 0) throw new InvalidArgumentError(`no question ${unknown.join(', ')}`);
  return names;
}
