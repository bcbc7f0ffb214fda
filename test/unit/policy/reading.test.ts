import { expect, test } from '@jest/globals';
import type { Problem } from '../../../policy/src/problem.ts';
import { checkFields, fieldText, lineNear, refuse, show, warn } from '../../../policy/src/reading.ts';

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

test('of many problems of one manifest the first hundred errors and warnings are listed, and that there are more', () => {
  const problems: Problem[] = [];
  const root = { reading: { context: {}, object: 'KubeArmorPolicy shop/web', problems }, path: ['spec'], value: {} };
  for (let index = 0; index < 300; index += 1) warn(root, { code: 'no-rules', message: `warning ${index}` });
  checkFields({ ...root, value: Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`x${index}`, 1])) }, { known: [] });
  refuse(root, { code: 'wrong-type', message: 'is one too many' });
  expect(problems).toHaveLength(202);
  expect(problems[99]).toMatchObject({ severity: 'warning', message: 'warning 99' });
  const more = { message: 'there are more problems than are listed here', place: { object: 'KubeArmorPolicy shop/web' } };
  expect([problems[100], problems[201]]).toMatchObject([
    { ...more, severity: 'warning' },
    { ...more, severity: 'error' },
  ]);
});
