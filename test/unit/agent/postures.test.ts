import { expect, test } from '@jest/globals';
import { parsePostures, strictest } from '../../../agent/src/postures.ts';

test('without a flag every class audits', () => {
  expect(parsePostures(undefined)).toEqual({ postures: { file: 'audit', network: 'audit', capabilities: 'audit' }, problems: [] });
});

test('one word is the posture of every class', () => {
  expect(parsePostures('block').postures).toEqual({ file: 'block', network: 'block', capabilities: 'block' });
});

test('classes can have postures of their own, and the others keep the default', () => {
  expect(parsePostures('file=block, capabilities=block')).toEqual({
    postures: { file: 'block', network: 'audit', capabilities: 'block' },
    problems: [],
  });
});

test.each([
  ['', /'' does not name a class/],
  ['deny', /'deny' does not name a class/],
  ['process=block', /'process=block' does not name a class/],
  ['file=allow', /'allow' is not a posture of file/],
  ['file=block=x', /does not name a class/],
  ['file=block,file=audit', /file is given twice/],
  ['__proto__=block', /does not name a class/],
])('%j is refused', (text, message) => {
  const { problems, postures } = parsePostures(text);
  expect(problems).toEqual([
    expect.objectContaining({ code: 'config-invalid', severity: 'error', message: expect.stringMatching(message) as unknown }),
  ]);
  expect(postures.file).toBe('audit');
});

test('everything wrong is told at once', () => {
  expect(parsePostures('files=block,network=no').problems).toHaveLength(2);
});

test('of several postures the strictest counts for each class', () => {
  const audit = parsePostures('audit').postures;
  const some = [parsePostures('network=block').postures, parsePostures('file=block').postures];
  expect(strictest(some, audit)).toEqual({ file: 'block', network: 'block', capabilities: 'audit' });
  expect(strictest([], parsePostures('block').postures)).toEqual({ file: 'block', network: 'block', capabilities: 'block' });
});
