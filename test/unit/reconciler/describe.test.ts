import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { clip, clipBefore, count, describeProblems, MAX_DESCRIPTION, plain, shortCommit } from '../../../reconciler/src/describe.ts';
import { hash, problem } from './builders.ts';

test.each([
  ['one\ntwo\r\n three\t', 'one two three'],
  ['\u001b[31mred\u001b[0m', '[31mred [0m'],
  ['a\u202eb\u200bc\ufeffd', 'a b c d'],
  ['half \ud800 a pair', 'half a pair'],
  ['\u2028line\u2029', 'line'],
  ['plain', 'plain'],
])('%j is printed as %j', (text, printed) => expect(plain(text)).toBe(printed));

test('texts are cut with a sign that they were, and never in the middle of a character', () => {
  expect(clip('x'.repeat(140))).toBe('x'.repeat(140));
  expect(clip('x'.repeat(141))).toBe(`${'x'.repeat(139)}…`);
  expect(clip('ab😀cd', 4)).toBe('ab…');
  expect(clipBefore('x'.repeat(200), ' (main.ts:1)')).toBe(`${'x'.repeat(127)}… (main.ts:1)`);
});

test('the first error is described with its place, and how many more there are', () => {
  const first = problem('this is not a path', {
    place: { file: 'main.ts', line: 12, field: 'spec.file' },
    hint: 'write /etc/',
    code: 'invalid-path',
  });
  const warning = problem('odd', { severity: 'warning' });
  expect(describeProblems([first])).toBe('main.ts:12: spec.file: this is not a path');
  expect(describeProblems([warning, first, problem('b'), warning, problem('c')])).toBe(
    'main.ts:12: spec.file: this is not a path (+2 more)',
  );
  expect(describeProblems([warning])).toBe('warning: odd');
  expect(describeProblems([])).toBe('no problem');
});

test('a description of any problems is one line of at most 140 characters that keeps the place and the number of the others', () => {
  const text = fc.string({ unit: 'binary', maxLength: 300 });
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), text, (messages, hint) => {
      const problems = messages.map((message) => problem(message, { hint, place: { file: 'main.ts', line: 3 } }));
      const said = describeProblems(problems);
      expect(said.length).toBeLessThanOrEqual(MAX_DESCRIPTION);
      expect(said).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      expect(said.startsWith('main.ts:3')).toBe(true);
      if (messages.length > 1) expect(said.endsWith(` (+${messages.length - 1} more)`)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('numbers and commits read as people write them', () => {
  expect([count(1, 'node', 'nodes'), count(0, 'node', 'nodes'), count(7, 'node', 'nodes')]).toEqual(['1 node', '0 nodes', '7 nodes']);
  expect(shortCommit(hash('a'))).toBe('aaaaaaa');
});
