import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { byLine, untilMark } from '../../../support/vm/channel.ts';

const MARK = '--end-aab--';

/** Feeds `text`, cut at the given places. */
function feed(text: string, cuts: readonly number[]): { data: string; marks: number } {
  let data = '';
  let marks = 0;
  const push = untilMark(MARK, { onData: (chunk) => (data += chunk.toString()), onMark: () => marks++ });
  const edges = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
  for (let i = 1; i < edges.length; i++) push(Buffer.from(text.slice(edges[i - 1], edges[i])));
  return { data, marks };
}

test('everything before the mark comes through and nothing after it, however the stream is cut', () => {
  const piece = fc.string({ unit: fc.constantFrom('-', '--', 'end', '-a', 'a', 'b', '\n') });
  fc.assert(
    fc.property(piece, piece, fc.array(fc.nat()), (before, after, cuts) => {
      fc.pre(`${before}${MARK}`.indexOf(MARK) === before.length);
      expect(feed(`${before}${MARK}${after}`, cuts)).toEqual({ data: before, marks: 1 });
    }),
  );
});

test('what looks like the beginning of a mark is held back only until it is known not to be one', () => {
  expect(feed('--end-aa', [])).toEqual({ data: '', marks: 0 });
  expect(feed('--end-aaX', [3, 8])).toEqual({ data: '--end-aaX', marks: 0 });
});

test('lines are whole, also when a character is cut in two', () => {
  const lines: string[] = [];
  const push = byLine((line) => lines.push(line));
  const bytes = Buffer.from('größe\n\nlast');
  for (const byte of bytes) push(Buffer.from([byte]));
  expect(lines).toEqual(['größe', '']);
});
