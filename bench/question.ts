import type { Backends, Rig, Running, Subject } from './subjects/subject.ts';
import type { Loads } from './support/loads.ts';
import type { ToolName } from './support/tools.ts';

/** Numbers of one measurement by the key of their metric. */
export type Sample = Readonly<Record<string, number>>;

/** One row of the table. */
export interface Metric {
  readonly key: string;
  readonly label: string;
  show(value: number): string;
  /** The column that the others are divided by, round by round. */
  readonly baseline?: string;
  readonly target?: Target;
}

/** What is to be reached: as a ratio to the baseline or as a plain value, by engine. */
export type Target = { readonly of: 'ratio' | 'value' } & (
  | { readonly atMost: Readonly<Record<string, number>> }
  | { readonly atLeast: Readonly<Record<string, number>> }
);

/** What was settled before the first round and is the same for every subject. */
export interface Setting {
  /** Said with the table. */
  readonly note: string;
  readonly perSecond?: number;
}

/** How long and how much. */
export interface Pace {
  readonly rounds: number;
  readonly seconds: number;
  readonly idleConnections: number;
  readonly services: number;
  readonly frontends: number;
}

export interface Context {
  readonly rig: Rig;
  readonly pace: Pace;
  /** All that is measured goes before everything else on the machine, see `priority.ts`. */
  readonly undisturbed: boolean;
  readonly loads: Loads;
  readonly backends: Backends;
  /** The samples of the questions asked before this one: question, column, rounds. */
  readonly known: ReadonlyMap<string, ReadonlyMap<string, readonly Sample[]>>;
}

/** A subject with the process that was started for the whole run. */
export interface Column {
  readonly subject: Subject;
  readonly running: Running;
}

export interface Question {
  readonly name: string;
  readonly metrics: readonly Metric[];
  /** Programs without which it cannot be asked. */
  readonly needs: readonly ToolName[];
  /** The metric that is above 0 whenever this works at all; the first one if absent. */
  readonly proof?: string;
  /** Its rows stand in a table of their own, below this. */
  readonly table?: string;
  /** Asked only if it is named, or in a smoke. */
  readonly onRequest?: boolean;
  /** Fewer rounds than asked for, where one costs much and varies little. */
  rounds?(asked: number): number;
  /** The subjects that have an answer. */
  concerns(subject: Subject): boolean;
  prepare?(context: Context, columns: readonly Column[]): Promise<Setting>;
  measure(context: Context, column: Column, setting: Setting | undefined): Promise<Sample>;
}
