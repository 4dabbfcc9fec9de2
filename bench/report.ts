import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Asked } from './ask.ts';
import { describe, type Environment } from './environment.ts';
import type { Pace, Question } from './question.ts';
import { type Answer, type Row, summarize } from './summary.ts';
import { resultsFolder } from './support/folders.ts';
import { gridOf, markdown, plainText } from './table.ts';

/** All that a run found out. */
export interface Outcome {
  readonly environment: Environment;
  readonly pace: Pace;
  /** The names of all subjects, in the order of the table. */
  readonly columns: readonly string[];
  readonly asked: ReadonlyMap<Question, Asked>;
}

function rowsOf({ asked }: Outcome): Row[] {
  return [...asked].flatMap(([{ metrics }, { answers }]) => summarize(metrics, answers));
}

/** Every reason that a number is missing, once, with the columns that it holds for. */
export function reasonsOf(answers: readonly Answer[]): string[] {
  const columns = new Map<string, Set<string>>();
  for (const answer of answers) {
    if (answer.kind === 'measured') continue;
    const reason = `${answer.kind}: ${answer.why}`;
    columns.set(reason, (columns.get(reason) ?? new Set()).add(answer.column));
  }
  return [...columns].map(([reason, names]) => `${[...names].join(', ')} ${reason}`);
}

/** Answers that are no good although the subject could run: it failed, or a number is missing, 0 or negative. */
export function failuresOf({ name, metrics, proof = metrics[0]?.key ?? '' }: Question, { answers }: Asked): string[] {
  return answers.flatMap((answer) => {
    if (answer.kind === 'skipped') return [];
    if (answer.kind !== 'measured') return [`${answer.column} failed: ${answer.why}`];
    const bad = answer.samples.some((sample) => !((sample[proof] ?? 0) > 0));
    return bad || answer.samples.length === 0 ? [`${answer.column}: ${name}: ${proof} is not above 0`] : [];
  });
}

/** Prints the table and what explains it; returns how many answers were no good. */
export function print(outcome: Outcome, options: { readonly markdown: boolean; readonly smoke: boolean }): number {
  const grid = gridOf(rowsOf(outcome), outcome.columns);
  const { rounds, seconds } = outcome.pace;
  const notes = [...outcome.asked.values()].flatMap(({ note }) => (note === undefined ? [] : [note]));
  const failures = [...outcome.asked].flatMap(([question, asked]) => failuresOf(question, asked));
  const meaningless = options.smoke
    ? ['a smoke: the loads are tiny, so the numbers, sizes and targets mean nothing']
    : [];
  const lines = [
    options.markdown ? markdown(grid) : plainText(grid),
    '',
    `× is the ratio to HAProxy (to nginx for UDP) in the same round; medians of ${rounds} interleaved rounds of ${seconds} s`,
    ...meaningless,
    ...notes,
    ...reasonsOf([...outcome.asked.values()].flatMap(({ answers }) => answers)),
    ...new Set(failures.filter((failure) => !failure.includes(' failed: '))),
    describe(outcome.environment),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return failures.length;
}

/** Writes everything as JSON, the raw numbers of each round included; returns where. */
export async function save(outcome: Outcome, file = join(resultsFolder, 'latest.json')): Promise<string> {
  const { environment, pace, asked } = outcome;
  const questions = [...asked].map(([{ name, metrics }, { answers, note }]) => ({
    name,
    ...(note !== undefined && { note }),
    rows: summarize(metrics, answers).map(({ metric, cells, verdicts }) => ({
      key: metric.key,
      label: metric.label.trim(),
      baseline: metric.baseline,
      cells,
      verdicts,
    })),
    answers,
  }));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify({ environment, pace, questions }, undefined, 2)}\n`);
  return file;
}
