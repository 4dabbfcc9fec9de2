import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Asked } from './ask.ts';
import { describe, type Environment } from './environment.ts';
import type { Pace, Question } from './question.ts';
import { enginesNote } from './subjects/sluice.ts';
import { type Answer, type Row, summarize } from './summary.ts';
import { resultsFolder } from './support/folders.ts';
import { type Grid, gridOf, markdown, plainText } from './table.ts';

/** All that a run found out. */
export interface Outcome {
  readonly environment: Environment;
  readonly pace: Pace;
  /** The names of all subjects, in the order of the table. */
  readonly columns: readonly string[];
  readonly asked: ReadonlyMap<Question, Asked>;
}

/** The rows of the questions whose table that is, below the columns that have a cell in one of them. */
function gridFor({ asked, columns }: Outcome, table: string | undefined): Grid | undefined {
  const rows: Row[] = [...asked].flatMap(([question, { answers }]) =>
    question.table === table ? summarize(question.metrics, answers) : [],
  );
  const named = new Set(rows.flatMap(({ cells }) => cells.map(({ column }) => column)));
  return rows.length === 0
    ? undefined
    : gridOf(
        rows,
        columns.filter((column) => named.has(column)),
      );
}

function tablesOf(outcome: Outcome, show: (grid: Grid) => string): string[] {
  const tables = new Set([undefined, ...[...outcome.asked.keys()].map(({ table }) => table)]);
  return [...tables].flatMap((table) => {
    const grid = gridFor(outcome, table);
    if (grid === undefined) return [];
    return [...(table === undefined ? [] : [table, '']), show(grid), ''];
  });
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
  const { rounds, seconds } = outcome.pace;
  const notes = [...outcome.asked.values()].flatMap(({ note }) => (note === undefined ? [] : [note]));
  const failures = [...outcome.asked].flatMap(([question, asked]) => failuresOf(question, asked));
  const meaningless = options.smoke
    ? ['a smoke: the loads are tiny, so the numbers, sizes and targets mean nothing']
    : [];
  const lines = [
    ...tablesOf(outcome, options.markdown ? markdown : plainText),
    `× is the ratio to HAProxy (to nginx for UDP) in the same round; medians of ${rounds} interleaved rounds of ${seconds} s`,
    enginesNote,
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
