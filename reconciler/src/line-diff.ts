/** The difference of two texts, line by line, as a unified diff. */

/** Lines around a change that are shown too. */
const CONTEXT = 3;
/** Most pairs of lines that are compared: more would hold everything else up. */
const MAX_PAIRS = 4_000_000;

type Line = `${' ' | '-' | '+'}${string}`;

/** Hunks with three lines of context, each after a line `@@ -1,4 +1,5 @@`; none where the texts are equal, `undefined` where they differ too much. */
export function unifiedDiff(before: readonly string[], after: readonly string[]): readonly string[] | undefined {
  const lines = comparedLines(before, after);
  return lines === undefined ? undefined : hunksOf(lines);
}

function comparedLines(before: readonly string[], after: readonly string[]): readonly Line[] | undefined {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const middle = differing(before.slice(head, before.length - tail), after.slice(head, after.length - tail));
  if (middle === undefined) return undefined;
  return [...before.slice(0, head).map(kept), ...middle, ...before.slice(before.length - tail).map(kept)];
}

function kept(line: string): Line {
  return ` ${line}`;
}

/** By a longest common subsequence; of several the same one each time, with what is gone before what is new. */
function differing(before: readonly string[], after: readonly string[]): readonly Line[] | undefined {
  const [rows, columns] = [before.length + 1, after.length + 1];
  if (rows * columns > MAX_PAIRS) return undefined;
  const common = new Uint32Array(rows * columns);
  const at = (row: number, column: number): number => common[row * columns + column] ?? 0;
  for (let row = rows - 2; row >= 0; row -= 1) {
    for (let column = columns - 2; column >= 0; column -= 1) {
      const isSame = before[row] === after[column];
      common[row * columns + column] = isSame ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const lines: Line[] = [];
  let [row, column] = [0, 0];
  while (row < before.length || column < after.length) {
    const [old, now] = [before[row], after[column]];
    if (old !== undefined && old === now) {
      lines.push(kept(old));
      row += 1;
      column += 1;
    } else if (old !== undefined && (now === undefined || at(row + 1, column) >= at(row, column + 1))) {
      lines.push(`-${old}`);
      row += 1;
    } else {
      lines.push(`+${now ?? ''}`);
      column += 1;
    }
  }
  return lines;
}

function hunksOf(lines: readonly Line[]): readonly string[] {
  const isNear = lines.map(() => false);
  for (const [index, line] of lines.entries()) {
    if (line.startsWith(' ')) continue;
    isNear.fill(true, Math.max(0, index - CONTEXT), index + CONTEXT + 1);
  }
  const text: string[] = [];
  let [oldLine, newLine] = [1, 1];
  for (let index = 0; index < lines.length;) {
    if (isNear[index] !== true) {
      oldLine += 1;
      newLine += 1;
      index += 1;
      continue;
    }
    const end = isNear.indexOf(false, index);
    const hunk = lines.slice(index, end === -1 ? lines.length : end);
    const [old, now] = [hunk.filter((line) => !line.startsWith('+')).length, hunk.filter((line) => !line.startsWith('-')).length];
    text.push(`@@ -${old === 0 ? oldLine - 1 : oldLine},${old} +${now === 0 ? newLine - 1 : newLine},${now} @@`, ...hunk);
    oldLine += old;
    newLine += now;
    index += hunk.length;
  }
  return text;
}
