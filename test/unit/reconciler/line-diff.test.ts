import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { unifiedDiff } from '../../../reconciler/src/line-diff.ts';

const lines = (text: string): string[] => [...text];
const diff = (before: string, after: string): string | undefined => unifiedDiff(lines(before), lines(after))?.join('\n');

test.each([
  ['abc', 'abc', ''],
  ['', 'ab', '@@ -0,0 +1,2 @@\n+a\n+b'],
  ['ab', '', '@@ -1,2 +0,0 @@\n-a\n-b'],
  ['abc', 'axc', '@@ -1,3 +1,3 @@\n a\n-b\n+x\n c'],
  ['0123456789', '01234x6789', '@@ -3,7 +3,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8'],
  ['a0123456789b', 'x0123456789y', '@@ -1,4 +1,4 @@\n-a\n+x\n 0\n 1\n 2\n@@ -9,4 +9,4 @@\n 7\n 8\n 9\n-b\n+y'],
  ['abcabba', 'cbabac', '@@ -1,7 +1,6 @@\n-a\n-b\n c\n-a\n b\n+a\n b\n a\n+c'],
])('from %j to %j', (before, after, text) => expect(diff(before, after)).toBe(text));

test('texts that differ in too many lines are not compared, those that differ in few are, however long', () => {
  const long = Array.from({ length: 50_000 }, (_, index) => `${index}`);
  expect(unifiedDiff(long, long.toReversed())).toBeUndefined();
  expect(unifiedDiff(long, [...long.slice(0, 25_000), 'new', ...long.slice(25_000)])).toHaveLength(8);
});

/** What a patch makes of a text. */
function patched(before: readonly string[], patch: readonly string[]): string[] {
  const after: string[] = [];
  let at = 0;
  for (const line of patch) {
    const start = /^@@ -(\d+),(\d+) /.exec(line);
    if (start !== null) {
      const first = Number(start[1]) - (start[2] === '0' ? 0 : 1);
      after.push(...before.slice(at, first));
      at = first;
    } else if (line.startsWith('+')) after.push(line.slice(1));
    else {
      if (line.startsWith(' ')) after.push(line.slice(1));
      expect(before[at]).toBe(line.slice(1));
      at += 1;
    }
  }
  return [...after, ...before.slice(at)];
}

test('the text before and the diff give the text after, the same diff each time, with no more changes than needed', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 30 });
  fc.assert(
    fc.property(text, text, (before, after) => {
      const patch = unifiedDiff(before, after) ?? [];
      expect(patched(before, patch)).toEqual(after);
      expect(unifiedDiff(before, after)).toEqual(patch);
      const changes = (list: readonly string[]): number => list.filter((line) => /^[+-]/.test(line)).length;
      expect(changes(patch)).toBe(changes(unifiedDiff(after, before) ?? []));
    }),
    { numRuns: 500 },
  );
});
