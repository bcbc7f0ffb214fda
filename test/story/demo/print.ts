/** The demo's voice: headings, lines, tables. */
import { styleText } from 'node:util';

const started = Date.now();

/** A numbered heading with the seconds since the start. */
export function heading(text: string): void {
  console.log(`\n${styleText('bold', text)}  ${styleText('dim', `(${((Date.now() - started) / 1000).toFixed(1)} s)`)}`);
}

export function line(text: string): void {
  console.log(`   ${text}`);
}

/** Columns padded to their widest cell; `marks` colours a whole row green or red. */
export function table(header: readonly string[], rows: readonly { readonly cells: readonly string[]; readonly good: boolean }[]): void {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map(({ cells }) => cells[column]?.length ?? 0)));
  const render = (cells: readonly string[]): string => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  line(styleText('bold', render(header)));
  for (const { cells, good } of rows) line(styleText(good ? 'green' : 'red', render(cells)));
}
