/**
 * A table's automaton as the chunks of cells that the kernel holds: 256 bytes with the class of each byte, then a row for each state (what it
 * accepts, then the next state for each class), then the verdicts of what is accepted.
 */
import { LAYOUT, PATTERN_CELLS } from './abi.ts';
import type { PatternTable } from './table.ts';

export interface EncodedPatterns {
  /** Whole chunks; the last one is filled with zeros. */
  readonly chunks: Uint8Array;
  readonly chunkCount: number;
  /** Cells of a row. */
  readonly stride: number;
  /** The cell where the verdicts begin. */
  readonly verdicts: number;
}

const CELL = 2;
const CLASS_CELLS = 256 / CELL;
const VERDICT_CELLS = LAYOUT.pattern_verdict.size / CELL;
const NONE: EncodedPatterns = { chunks: new Uint8Array(), chunkCount: 0, stride: 0, verdicts: 0 };

/** Encodes a table's patterns: no chunk where there are none. */
export function encodePatterns(patterns: PatternTable | undefined): EncodedPatterns {
  if (patterns === undefined) return NONE;
  const { classOf, classes, states, next, accept } = patterns.automaton;
  const stride = classes + 1;
  const verdicts = CLASS_CELLS + states * stride;
  const chunkCount = Math.ceil((verdicts + patterns.verdicts.length * VERDICT_CELLS) / PATTERN_CELLS);
  const chunks = new Uint8Array(chunkCount * PATTERN_CELLS * CELL);
  const view = new DataView(chunks.buffer);
  const put = (cell: number, value: number): void => view.setUint16(cell * CELL, value, true);
  chunks.set(classOf);
  for (let state = 0; state < states; state += 1) {
    const row = CLASS_CELLS + state * stride;
    put(row, accept[state] ?? 0);
    for (let column = 0; column < classes; column += 1) put(row + 1 + column, next[state * classes + column] ?? 0);
  }
  patterns.verdicts.forEach(({ word, processDepth, fileDepth }, i) => {
    const at = verdicts + i * VERDICT_CELLS;
    put(at + LAYOUT.pattern_verdict.word / CELL, word);
    put(at + LAYOUT.pattern_verdict.process_depth / CELL, processDepth);
    put(at + LAYOUT.pattern_verdict.file_depth / CELL, fileDepth);
  });
  return { chunks, chunkCount, stride, verdicts };
}
