import { expect, test } from '@jest/globals';
import { fieldText, lineNear, show } from '../../../policy/src/reading.ts';

test('a field is written as people write it, and odd keys are quoted', () => {
  expect(fieldText(['spec', 'process', 'matchPaths', 0, 'path'])).toBe('spec.process.matchPaths[0].path');
  expect(fieldText(['metadata', 'annotations', 'a.b/c'])).toBe('metadata.annotations["a.b/c"]');
  expect(fieldText(['spec', 'x\ny'])).toBe('spec["x\\ny"]');
});

test('a field that is not written has the line of the nearest thing around it', () => {
  const lineOf = (path: readonly (string | number)[]): number | undefined => (path.length === 1 ? 3 : undefined);
  expect(lineNear({ lineOf }, ['spec', 'process', 0])).toBe(3);
  expect(lineNear({ lineOf: () => undefined }, ['spec'])).toBeUndefined();
  expect(lineNear({}, ['spec'])).toBeUndefined();
});

test('a value in a message is short, and objects are not poured out', () => {
  expect(show('x'.repeat(1000))).toHaveLength(83);
  expect([null, 1, true, [], { secret: 1 }, 1n].map(show)).toEqual(['null', '1', 'true', 'a list', 'an object', 'a bigint']);
});
