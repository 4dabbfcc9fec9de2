import type { Metric } from 'prom-client';

export type Labels = Readonly<Record<string, string>>;

/** One line of the exposition. */
interface Sample {
  readonly value: number;
  /** The labels of this line alone. */
  readonly labels: Labels;
  /** Labels that many lines have in common: prom-client renders each such object once (it is a key by identity). */
  readonly sharedLabels: Labels;
  /** Where it is not the family's name: the parts of a histogram. */
  readonly metricName?: string;
}

const none: Labels = {};

export type FamilyType = 'counter' | 'gauge' | 'histogram';

/**
 * A metric and its lines, filled anew for each scrape from plain counters. prom-client's own `Counter` and `Gauge` hash
 * the labels of every value they are given, which at 10,000 endpoints is most of a scrape; this is the form in which
 * they hand their values to prom-client's registry, and the registry does the rest.
 */
export class Family {
  readonly name: string;
  readonly help: string;
  readonly type: FamilyType;
  readonly values: Sample[] = [];

  constructor(name: string, type: FamilyType, help: string) {
    this.name = name;
    this.type = type;
    this.help = help;
  }

  add(value: number, sharedLabels: Labels = none, labels: Labels = none): void {
    this.values.push({ value, labels, sharedLabels });
  }

  /** A line of a part of the family: `_bucket`, `_sum`, `_count`. */
  addPart(part: string, value: number, sharedLabels: Labels, labels: Labels = none): void {
    this.values.push({ value, labels, sharedLabels, metricName: `${this.name}_${part}` });
  }

  async get(): Promise<this> {
    return this;
  }

  /** What the registry's types ask for; of a metric it only calls `get`. */
  asMetric(): Metric {
    return this as unknown as Metric;
  }
}
