import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { byteSequences } from '../../../policy/src/byte-ranges.ts';

function isIn(first: number, last: number, text: string): boolean {
  const bytes = new TextEncoder().encode(text);
  return byteSequences([first, last]).some(
    (sequence) => sequence.length === bytes.length && sequence.every(([low, high], i) => bytes[i]! >= low && bytes[i]! <= high),
  );
}

test('the sequences of a range have the bytes of its characters and of no others', () => {
  const point = fc.oneof(fc.constantFrom(0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff), fc.nat(0x10ffff));
  const character = point.filter((value) => value < 0xd800 || value > 0xdfff);
  const near = fc.tuple(character, character, fc.oneof(character, fc.constant(0)), fc.integer({ min: -2, max: 2 }));
  fc.assert(
    fc.property(near, ([a, b, any, step]) => {
      const [first, last] = a < b ? [a, b] : [b, a];
      if (first < 0xd800 && last > 0xdfff) return;
      for (const value of [first, last, any, first + step, last + step]) {
        if (value < 0 || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) continue;
        expect({ first, last, value, isIn: isIn(first, last, String.fromCodePoint(value)) }).toEqual({
          first,
          last,
          value,
          isIn: value >= first && value <= last,
        });
      }
    }),
    { numRuns: 5000 },
  );
});

test('all characters but the surrogates are few sequences', () => {
  expect([...byteSequences([0, 0xd7ff]), ...byteSequences([0xe000, 0x10ffff])].length).toBeLessThanOrEqual(9);
});
