import type { Metric, Sample, Target } from './question.ts';
import { median, pairedRatio } from './support/statistics.ts';

/** What one column has to say to one question: a sample a round, or why there is none. */
export type Answer =
  | {
      readonly kind: 'measured';
      readonly column: string;
      readonly engine?: string;
      readonly samples: readonly Sample[];
    }
  | { readonly kind: 'skipped'; readonly column: string; readonly why: string }
  | { readonly kind: 'failed'; readonly column: string; readonly why: string };

export interface Cell {
  readonly column: string;
  /** The median of the rounds. */
  readonly value?: number;
  /** To the baseline, where there is one. */
  readonly ratio?: number;
  /** In place of a number. */
  readonly why?: string;
}

export interface Verdict {
  readonly column: string;
  readonly bound: number;
  readonly reached: boolean;
}

export interface Row {
  readonly metric: Metric;
  readonly cells: readonly Cell[];
  readonly verdicts: readonly Verdict[];
}

/** One row a metric: medians, ratios to the baseline in the same rounds, and whether the targets are reached. */
export function summarize(metrics: readonly Metric[], answers: readonly Answer[]): Row[] {
  return metrics.map((metric) => {
    const cells = answers.map((answer) => cellOf(metric, answer, answers));
    return { metric, cells, verdicts: answers.flatMap((answer, index) => verdictOf(metric, answer, cells[index])) };
  });
}

function valuesOf(metric: Metric, answer: Answer | undefined): (number | undefined)[] {
  return answer?.kind === 'measured' ? answer.samples.map((sample) => sample[metric.key]) : [];
}

function cellOf(metric: Metric, answer: Answer, answers: readonly Answer[]): Cell {
  if (answer.kind !== 'measured') return { column: answer.column, why: `${answer.kind}: ${answer.why}` };
  const values = valuesOf(metric, answer);
  const present = values.filter((value) => value !== undefined);
  if (present.length === 0) return { column: answer.column };
  const cell = { column: answer.column, value: median(present) };
  const baseline = answers.find(({ column }) => column === metric.baseline);
  const ratio = pairedRatio(values, valuesOf(metric, baseline));
  return ratio === undefined ? cell : { ...cell, ratio };
}

function verdictOf(metric: Metric, answer: Answer, cell: Cell | undefined): Verdict[] {
  if (answer.kind !== 'measured' || answer.engine === undefined) return [];
  const { target } = metric;
  const bound = target === undefined ? undefined : boundsOf(target)[answer.engine];
  const reached = target?.of === 'ratio' ? asShown(cell?.ratio) : cell?.value;
  if (target === undefined || bound === undefined || reached === undefined) return [];
  return [{ column: answer.column, bound, reached: 'atMost' in target ? reached <= bound : reached >= bound }];
}

export function boundsOf(target: Target): Readonly<Record<string, number>> {
  return 'atMost' in target ? target.atMost : target.atLeast;
}

/** A ratio is judged as the table shows it. */
function asShown(ratio: number | undefined): number | undefined {
  return ratio === undefined ? undefined : Number(ratio.toFixed(2));
}
