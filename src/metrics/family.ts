/** Labels as they stand in the text between the braces: `a="x",b="y"`. */
export type LabelText = string;

/** Escapes what the text format wants escaped in a label's value: backslash, double quote, line feed. */
export function labelText(labels: Readonly<Record<string, string>>): LabelText {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return parts.join(',');
}

const special = /[\\"\n]/;

function escapeValue(value: string): string {
  // Almost no value needs it.
  if (!special.test(value)) return value;
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/** The lines of a histogram have these after the family's name; all others have none. */
export type Part = '' | '_bucket' | '_sum' | '_count';

export type FamilyType = 'counter' | 'gauge' | 'histogram';

/**
 * A metric and its lines, filled anew for each scrape from plain counters: numbers first, so that all are of one
 * moment, and text later. prom-client's own `Counter` and `Gauge` hash the labels of every value that they are given
 * and render them anew for every line, which at 10,000 endpoints holds up traffic for a third of a second.
 * Format: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export class Family {
  readonly name: string;
  readonly #help: string;
  readonly #type: FamilyType;
  /** Of each line: the part of a histogram that it is, its labels and its value. */
  readonly #parts: Part[] = [];
  readonly #labels: LabelText[] = [];
  readonly #values: number[] = [];

  /** `help` is one line without a backslash. */
  constructor(name: string, type: FamilyType, help: string) {
    this.name = name;
    this.#type = type;
    this.#help = help;
  }

  add(value: number, labels: LabelText = '', part: Part = ''): void {
    this.#parts.push(part);
    this.#labels.push(labels);
    this.#values.push(value);
  }

  render(): string {
    const { name } = this;
    const lines = [`# HELP ${name} ${this.#help}\n# TYPE ${name} ${this.#type}\n`];
    for (let index = 0; index < this.#values.length; index += 1) {
      const labels = this.#labels[index];
      const braced = labels === '' ? '' : `{${labels}}`;
      lines.push(`${name}${this.#parts[index]}${braced} ${valueText(this.#values[index])}\n`);
    }
    // Joined here, so that no later turn has to put together a rope of a hundred thousand pieces at once.
    return lines.join('');
  }
}

function valueText(value = Number.NaN): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}
