import type { Cell, Row } from './summary.ts';

/** Rows and columns of text, the head first. */
export type Grid = readonly (readonly string[])[];

/** The head, then one line a row: its name, a cell a column, the target and whether each engine reaches it. */
export function gridOf(rows: readonly Row[], columns: readonly string[]): Grid {
  return [['', ...columns, 'target', ''], ...rows.map((row) => lineOf(row, columns))];
}

function lineOf(row: Row, columns: readonly string[]): string[] {
  const cells = columns.map((column) => {
    const cell = row.cells.find((candidate) => candidate.column === column);
    return cell === undefined ? '–' : cellText(row, cell);
  });
  return [
    row.metric.label,
    ...cells,
    targetText(row),
    row.verdicts.map(({ reached }) => (reached ? '✓' : '✗')).join(''),
  ];
}

/** The reason of a cell without numbers is told once, below the table. */
function cellText({ metric }: Row, { value, ratio, why }: Cell): string {
  if (value === undefined) return why === undefined ? '–' : (why.split(':')[0] ?? '');
  return ratio === undefined ? metric.show(value) : `${metric.show(value)}  ${ratio.toFixed(2)}×`;
}

function targetText({ metric }: Row): string {
  const { target, baseline } = metric;
  if (target === undefined) return '';
  const show = (most: number) => (target.of === 'ratio' ? `${most}× ${baseline}` : metric.show(most));
  return [...new Set(Object.values(target.atMost).map((most) => `≤ ${show(most)}`))].join(', ');
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
