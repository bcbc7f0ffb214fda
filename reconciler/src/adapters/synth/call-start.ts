/**
 * Where a call begins, in code as esbuild prints it. QuickJS gives a call the position of the last thing that it read before making it,
 * which is an argument's when there are some, or what follows a line break. Pure.
 */

/** Both 1-based. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** How far up a call's first line is looked for. */
const MAX_LINES = 500;
/** A brace after these opens an object; after anything else a block, and what is in a block is no argument. */
const OBJECT_BRACE = /(?:^|[(,:[?&|])\s*\{$/;

/** The parenthesis of the call whose arguments hold `at`; `at` itself where they are on one line, or where it is in no call. */
export function callStart(lines: readonly string[], at: Position): Position {
  const text = lines[at.line - 1] ?? '';
  const isCallee = /^[\w$]+\(/.test(text.slice(at.column - 1));
  if (isCallee || openParenthesis(text.slice(0, at.column - 1)) !== undefined) return at;
  let depth = indentation(text);
  for (let line = at.line - 1; line > Math.max(0, at.line - MAX_LINES); line -= 1) {
    const above = lines[line - 1] ?? '';
    if (above.trim() === '' || indentation(above) >= depth) continue;
    if (!/[([]$/.test(above) && !OBJECT_BRACE.test(above)) return at;
    const open = openParenthesis(above);
    if (open !== undefined) return { line, column: open + 1 };
    depth = indentation(above);
  }
  return at;
}

const indentation = (text: string): number => text.length - text.trimStart().length;

/** Index of the innermost parenthesis that `text` leaves open. */
function openParenthesis(text: string): number | undefined {
  const open: number[] = [];
  let quote = '';
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charAt(index);
    if (quote !== '') {
      if (char === '\\') index += 1;
      else if (char === quote) quote = '';
    } else if (/["'`]/.test(char)) quote = char;
    else if (char === '(') open.push(index);
    else if (char === ')') open.pop();
  }
  return open.at(-1);
}
