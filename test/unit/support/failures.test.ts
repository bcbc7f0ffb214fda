import { expect, test } from '@jest/globals';
import { failuresOf } from '../../support/failures.ts';
import type { FileReport } from '../../support/failures.ts';

const file = (rest: Partial<FileReport>): FileReport => ({
  name: '/tree/test/one.test.ts',
  message: '',
  status: 'failed',
  assertionResults: [],
  ...rest,
});
const failed = (fullName: string, ...failureMessages: string[]): FileReport['assertionResults'][number] => ({
  fullName,
  status: 'failed',
  failureMessages,
});

test('each failed test is told with its file and its message, without colours', () => {
  const results = [
    failed('it holds', '\u001b[31mexpected\u001b[39m 1\nreceived 2'),
    { fullName: 'fine', status: 'passed', failureMessages: [] },
  ];
  expect(failuresOf([file({ assertionResults: results })], '/tree')).toEqual([
    'FAILED test/one.test.ts: it holds\n    expected 1\n    received 2',
  ]);
});

test('a message that many tests share is told once', () => {
  const results = [failed('a', 'the hook failed'), failed('b', 'the hook failed'), failed('c', 'another')];
  expect(failuresOf([file({ assertionResults: results })], '/tree')).toEqual([
    'FAILED test/one.test.ts: a (and 1 more)\n    the hook failed',
    'FAILED test/one.test.ts: c\n    another',
  ]);
});

test('a file that could not be run is told with what jest says of it, a passed one not at all', () => {
  const files = [file({ message: 'SyntaxError: no' }), file({ status: 'passed' })];
  expect(failuresOf(files, '/tree')).toEqual(['FAILED test/one.test.ts: (the file could not be run)\n    SyntaxError: no']);
});

test('a long message keeps its beginning and its end', () => {
  const [told = ''] = failuresOf([file({ message: `first ${'x'.repeat(9_000)} last` })], '/tree');
  expect(told).toContain('first x');
  expect(told).toContain('[…]');
  expect(told.endsWith('x last')).toBe(true);
  expect(told.length).toBeLessThan(2_200);
});

test('of a stack only what is ours is told', () => {
  const stack = [
    '    at /tree/test/one.test.ts:3:1',
    '    at new Promise (<anonymous>)',
    '    at run (/tree/node_modules/jest-circus/build/run.js:1:2)',
  ];
  const results = [failed('it holds', ['Error: no', ...stack].join('\n'))];
  expect(failuresOf([file({ assertionResults: results })], '/tree')).toEqual([
    'FAILED test/one.test.ts: it holds\n    Error: no\n        at /tree/test/one.test.ts:3:1',
  ]);
});
