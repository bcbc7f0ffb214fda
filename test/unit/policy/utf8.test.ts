import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { utf8 } from '../../../policy/src/utf8.ts';

test('texts have the bytes that the platform gives them', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(utf8(text)).toEqual(new TextEncoder().encode(text));
    }),
  );
});
