/** Columns of text under a header, as wide as their widest cell; the last column is left ragged. */
export class TextTable {
  readonly #widths: number[];
  #header: readonly string[] | undefined;

  constructor(header: readonly string[]) {
    this.#header = header;
    this.#widths = header.map((cell) => cell.length);
  }

  /** The lines of these rows; the first time under the header. What was printed before keeps its place: widths only grow. */
  print(rows: readonly (readonly string[])[]): string {
    const all = this.#header === undefined ? rows : [this.#header, ...rows];
    this.#header = undefined;
    for (const cells of all) {
      cells.forEach((cell, column) => {
        this.#widths[column] = Math.max(this.#widths[column] ?? 0, cell.length);
      });
    }
    return all.map((cells) => `${this.#line(cells)}\n`).join('');
  }

  #line(cells: readonly string[]): string {
    const padded = cells.map((cell, column) => cell.padEnd(this.#widths[column] ?? 0));
    return padded.join('   ').trimEnd();
  }
}

/** The whole of a table at once. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return new TextTable(header).print(rows);
}

/** `name:` and its values in two columns, as kubectl describes things; further lines of a value stand under its first. */
export function formatFields(fields: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...fields.map(([name]) => name.length)) + 3;
  const lines = fields.map(([name, value]) => {
    const [first = '', ...more] = value.split('\n');
    return [`${name}:`.padEnd(width) + first, ...more.map((line) => ' '.repeat(width) + line)].join('\n');
  });
  return lines.map((line) => `${line}\n`).join('');
}
