import { boundsOf, type Cell, type Row } from './summary.ts';

/** Rows and columns of text, the head first. */
export type Grid = readonly (readonly string[])[];

/** The head, then one line a row: its name, a cell a column with a mark if it has a target, and the targets. */
export function gridOf(rows: readonly Row[], columns: readonly string[]): Grid {
  const judged = new Set(rows.flatMap(({ verdicts }) => verdicts.map(({ column }) => column)));
  const head = columns.map((column) => (judged.has(column) ? `${column}${noMark}` : column));
  return [['', ...head, 'target'], ...rows.map((row) => lineOf(row, columns, judged))];
}

/** As wide as a mark, so that the numbers of a column stay below each other. */
const noMark = '  ';

function lineOf(row: Row, columns: readonly string[], judged: ReadonlySet<string>): string[] {
  const cells = columns.map((column) => {
    const cell = row.cells.find((candidate) => candidate.column === column);
    const text = cell === undefined ? '–' : cellText(row, cell);
    return judged.has(column) ? `${text}${markOf(row, column)}` : text;
  });
  return [row.metric.label, ...cells, targetText(row)];
}

function markOf({ verdicts }: Row, column: string): string {
  const verdict = verdicts.find((candidate) => candidate.column === column);
  if (verdict === undefined) return noMark;
  return verdict.reached ? ' ✓' : ' ✗';
}

/** The reason of a cell without numbers is told once, below the table. */
function cellText({ metric }: Row, { value, ratio, why }: Cell): string {
  if (value === undefined) return why === undefined ? '–' : (why.split(':')[0] ?? '');
  return ratio === undefined ? metric.show(value) : `${metric.show(value)}  ${ratio.toFixed(2)}×`;
}

function targetText({ metric }: Row): string {
  const { target } = metric;
  if (target === undefined) return '';
  const sign = 'atMost' in target ? '≤' : '≥';
  const show = (bound: number) => (target.of === 'ratio' ? `${bound}×` : metric.show(bound));
  return `${sign} ${[...new Set(Object.values(boundsOf(target)))].map(show).join(', ')}`;
}

/** Text for a terminal: the first column to the left, numbers to the right. */
export function plainText(grid: Grid): string {
  const widths = widthsOf(grid);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => padded(cell, widths[column] ?? 0, column === 0))
      .join('   ')
      .trimEnd();
  const [head = [], ...rows] = grid;
  return [line(head), '─'.repeat(widths.reduce((sum, width) => sum + width + 3, -3)), ...rows.map(line)].join('\n');
}

/** A Markdown table. */
export function markdown(grid: Grid): string {
  const widths = widthsOf(grid);
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => padded(cell.trim(), widths[column] ?? 0, column === 0)).join(' | ')} |`;
  const [head = [], ...rows] = grid;
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(head), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}

/** A column of a Markdown table that is aligned to the right has two characters, `-:`. */
const minWidth = 2;

function widthsOf(grid: Grid): number[] {
  return (grid[0] ?? []).map((_, column) => Math.max(minWidth, ...grid.map((cells) => cells[column]?.length ?? 0)));
}

function padded(text: string, width: number, left: boolean): string {
  return left ? text.padEnd(width) : text.padStart(width);
}
