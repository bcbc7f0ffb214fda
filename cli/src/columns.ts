/** Tables for a terminal. Cells may come from strangers, so nothing is printed that could steer it. */
import { harmless } from './exit.ts';

/** Lines of equal columns, two blanks between them. */
export function columns(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(harmless));
  const widths = (rows[0] ?? []).map((_cell, index) => Math.max(...cells.map((row) => row[index]?.length ?? 0)));
  return cells
    .map(
      (row) =>
        `${row
          .map((cell, index) => cell.padEnd(widths[index] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
