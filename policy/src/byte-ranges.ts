/** Ranges of characters as ranges of their bytes in UTF-8. */
import type { CharacterRange } from './glob.ts';
import { utf8 } from './utf8.ts';

export type ByteRange = readonly [first: number, last: number];

/** The last characters that have one, two and three bytes. */
const LAST_OF_LENGTH = [0x7f, 0x7ff, 0xffff, 0x10ffff] as const;

/** Sequences of byte ranges that together have exactly the characters of one range, which has no surrogates. */
export function byteSequences([first, last]: CharacterRange): readonly (readonly ByteRange[])[] {
  const split = LAST_OF_LENGTH.find((end) => first <= end && end < last);
  if (split !== undefined) return [...byteSequences([first, split]), ...byteSequences([split + 1, last])];
  const low = utf8(String.fromCodePoint(first));
  const high = utf8(String.fromCodePoint(last));
  // Where the bytes begin to differ, those after must run through all their values, or the range is cut in two.
  for (let tail = 1; tail < low.length; tail += 1) {
    const span = 1 << (6 * tail);
    if (Math.floor(first / span) === Math.floor(last / span)) break;
    if (first % span !== 0) {
      const end = first - (first % span) + span - 1;
      return [...byteSequences([first, end]), ...byteSequences([end + 1, last])];
    }
    if (last % span !== span - 1) {
      const start = last - (last % span);
      return [...byteSequences([first, start - 1]), ...byteSequences([start, last])];
    }
  }
  return [[...low].map((byte, i): ByteRange => [byte, high[i] ?? byte])];
}
