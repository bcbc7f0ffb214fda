/**
 * Text of strangers in a host's Markdown. Names and messages come from repositories, clusters and telemetry, so they stand in code only: there
 * nobody is mentioned, no issue, commit or address becomes a link, and neither HTML nor a host's commands mean anything.
 */
import { clip, plain } from './describe.ts';

/** Longest text inside a line. */
const MAX_INLINE = 300;

/** As code inside a line or the cell of a table; a dash where there is nothing to show. */
export function code(text: string): string {
  // No host agrees with another on how to write a bar in a cell.
  const shown = clip(plain(text).replaceAll('|', '¦'), MAX_INLINE);
  if (shown === '') return '–';
  const fence = '`'.repeat(longestRun(shown) + 1);
  const space = /^`|`$/.test(shown) ? ' ' : '';
  return `${fence}${space}${shown}${space}${fence}`;
}

/** As code inside of HTML. */
export function htmlCode(text: string): string {
  const shown = clip(plain(text), MAX_INLINE);
  return `<code>${shown.replace(/[^\p{L}\p{N} ./_-]/gu, (char) => `&#${char.codePointAt(0) ?? 0};`)}</code>`;
}

/** A block of lines, coloured as a diff. No line may begin with `/`, which GitLab takes for a command: those of a diff begin with a sign. */
export function diffBlock(lines: readonly string[]): string {
  const safe = lines.map((line) => line.replace(/[\r\n]/g, ' ')).map((line) => (/^[/~`]/.test(line) ? ` ${line}` : line));
  const fence = '`'.repeat(Math.max(3, longestRun(safe.join('\n')) + 1));
  return `${fence}diff\n${safe.join('\n')}\n${fence}`;
}

function longestRun(text: string): number {
  return (text.match(/`+/g) ?? []).reduce((most, run) => Math.max(most, run.length), 0);
}

/** A table; cells must be safe already. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
