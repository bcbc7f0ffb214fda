import { expect, test } from '@jest/globals';
import { closest } from '../../../policy/src/suggest.ts';

const fields = ['recursive', 'readOnly', 'path', 'dir', 'fromSource'];

test.each([
  ['recurive', 'recursive'],
  ['Recursive', 'recursive'],
  ['readonly', 'readOnly'],
  ['pahts', undefined],
  ['paht', 'path'],
  ['fromSources', 'fromSource'],
  ['colour', undefined],
  ['x'.repeat(100_000), undefined],
])('%.20s is nearest to %p', (word, meant) => {
  expect(closest(word, fields)).toBe(meant);
});
