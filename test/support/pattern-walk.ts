/** The automaton of a table's patterns over its bytes, for tests: what bpf/pattern.h does. */

/** The chunks of one table as cells; `verdicts` is the cell where what the states accept begins, `stride` the cells of a state's row. */
export interface PatternCells {
  readonly cells: Uint16Array;
  readonly verdicts: number;
  readonly stride: number;
}

/** Cells before the rows: the classes of the 256 bytes. */
const CLASS_CELLS = 128;
const START = 1;

/** What the patterns accept of a path, and what they say about it; undefined where they accept nothing. */
export function runPatterns(
  { cells, verdicts, stride }: PatternCells,
  path: string,
): { accepted: number; word: number; processDepth: number; fileDepth: number } | undefined {
  if (cells.length === 0) return undefined;
  const classes = new Uint8Array(cells.buffer, 0, 256);
  const rows = cells.subarray(CLASS_CELLS);
  let state = START;
  for (const byte of new TextEncoder().encode(path)) state = rows[state * stride + 1 + classes[byte]!]!;
  const accepted = rows[state * stride]!;
  if (accepted === 0) return undefined;
  const [word, processDepth, fileDepth] = cells.subarray(verdicts + (accepted - 1) * 4);
  return { accepted, word: word!, processDepth: processDepth!, fileDepth: fileDepth! };
}
