import type { Column, Context, Question, Sample, Setting } from './question.ts';
import type { Subject } from './subjects/subject.ts';
import type { Answer } from './summary.ts';
import { undisturbed } from './support/priority.ts';
import { rotated } from './support/statistics.ts';
import { missing } from './support/tools.ts';

/** A subject, and either its process or why there is none. */
export type Started = { readonly subject: Subject } & (
  | { readonly kind: 'running'; readonly column: Column }
  | { readonly kind: 'skipped' | 'failed'; readonly why: string }
);

export interface Asked {
  readonly answers: readonly Answer[];
  readonly note?: string;
}

/** Asks every subject in every round, in an order that shifts from round to round, so that nobody profits from its place. */
export async function ask(question: Question, started: readonly Started[], context: Context): Promise<Asked> {
  const concerned = started.filter(({ subject }) => isAsked(question, subject));
  const lacking = question.needs.find((name) => context.rig.tools[name] === undefined);
  if (lacking !== undefined)
    return {
      answers: concerned.map(({ subject }) => ({ kind: 'skipped', column: subject.name, why: missing(lacking) })),
    };
  const columns = concerned.flatMap((one) => (one.kind === 'running' ? [one.column] : []));
  const setting = columns.length > 0 ? await question.prepare?.(context, columns) : undefined;
  const rounds = question.rounds?.(context.pace.rounds) ?? context.pace.rounds;
  const measured = () => measureAll(question, columns, context, rounds, setting);
  const results = context.undisturbed ? await undisturbed(measured, context.rig) : await measured();
  const answers = concerned.map((one) => answerOf(one, results));
  return setting === undefined ? { answers } : { answers, note: setting.note };
}

export function isAsked(question: Question, { only, ...subject }: Subject): boolean {
  return (only === undefined || only === question.name) && question.concerns(subject);
}

interface Results {
  readonly samples: Map<string, Sample[]>;
  /** The first failure of each; it is not asked again. */
  readonly failures: Map<string, string>;
}

async function measureAll(
  question: Question,
  columns: readonly Column[],
  context: Context,
  rounds: number,
  setting: Setting | undefined,
): Promise<Results> {
  const samples = new Map<string, Sample[]>();
  const failures = new Map<string, string>();
  for (let round = 0; round < rounds; round++)
    for (const column of rotated(columns, round)) {
      const { name } = column.subject;
      if (failures.has(name)) continue;
      try {
        samples.set(name, [...(samples.get(name) ?? []), await question.measure(context, column, setting)]);
      } catch (error) {
        failures.set(name, messageOf(error));
      }
    }
  return { samples, failures };
}

function answerOf(one: Started, { samples, failures }: Results): Answer {
  const { name: column, engine } = one.subject;
  if (one.kind !== 'running') return { kind: one.kind, column, why: one.why };
  const failure = failures.get(column);
  if (failure !== undefined) return { kind: 'failed', column, why: failure };
  return { kind: 'measured', column, ...(engine !== undefined && { engine }), samples: samples.get(column) ?? [] };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
