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
/** Nobody writes longer lines: in one that is longer nothing is looked for. */
const MAX_LENGTH = 2_000;
/** A brace after these opens an object; after anything else a block, and what is in a block is no argument. */
const OBJECT_BRACE = /(?:^|[(,:[?&|])\s*\{$/;

/** What is known of a line once it has been looked at: a program can have a hundred thousand places asked for. */
interface Line {
  readonly isBlank: boolean;
  readonly indentation: number;
  /** Whether it leaves a list, an object or arguments open. */
  readonly opens: boolean;
  /** Index of the innermost parenthesis that it leaves open. */
  readonly parenthesis: number | undefined;
}

/** Finds where calls begin in some code. */
export class CallStarts {
  readonly #lines: readonly string[];
  readonly #known = new Map<number, Line>();

  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }

  /** The parenthesis of the call whose arguments hold `at`; `at` itself where they are on one line, or where it is in no call. */
  of(at: Position): Position {
    const text = this.#lines[at.line - 1] ?? '';
    if (text.length > MAX_LENGTH) return at;
    const isCallee = /^[\w$]+\(/.test(text.slice(at.column - 1));
    if (isCallee || openParenthesis(text.slice(0, at.column - 1)) !== undefined) return at;
    let depth = indentation(text);
    for (let line = at.line - 1; line > Math.max(0, at.line - MAX_LINES); line -= 1) {
      const above = this.#line(line);
      if (above.isBlank || above.indentation >= depth) continue;
      if (!above.opens) return at;
      if (above.parenthesis !== undefined) return { line, column: above.parenthesis + 1 };
      depth = above.indentation;
    }
    return at;
  }

  #line(number: number): Line {
    const known = this.#known.get(number);
    if (known !== undefined) return known;
    const text = this.#lines[number - 1] ?? '';
    const line = text.length > MAX_LENGTH ? TOO_LONG : lineOf(text);
    this.#known.set(number, line);
    return line;
  }
}

const TOO_LONG: Line = { isBlank: false, indentation: 0, opens: false, parenthesis: undefined };

function lineOf(text: string): Line {
  const opens = /[([]$/.test(text) || OBJECT_BRACE.test(text);
  return {
    isBlank: text.trim() === '',
    indentation: indentation(text),
    opens,
    parenthesis: opens ? openParenthesis(text) : undefined,
  };
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
