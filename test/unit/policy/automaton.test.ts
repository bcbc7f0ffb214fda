import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildAutomaton, globOf, matchesGlob } from '@parapet/policy';
import type { Automaton } from '@parapet/policy';
import { pathNear, pattern } from '../../support/pattern-cases.ts';

const LIMITS = { states: 16_384, cells: 1_024_000, work: 2_000_000 };

function built(...patterns: readonly string[]): Automaton {
  const automaton = buildAutomaton(patterns.map(globOf), { ...LIMITS });
  if (automaton === undefined) throw new Error(`${patterns.join(' ')} is too complex`);
  return automaton;
}

/** Which patterns the automaton accepts for these bytes. */
function accepted({ classOf, classes, next, accept, accepts }: Automaton, path: string | Uint8Array): readonly number[] {
  const bytes = typeof path === 'string' ? new TextEncoder().encode(path) : path;
  const end = bytes.reduce((state, byte) => next[state * classes + classOf[byte]!]!, 1);
  const index = accept[end]!;
  return index === 0 ? [] : accepts[index - 1]!;
}

test('it accepts exactly the patterns that the plain matcher accepts, many at once', () => {
  let matched = 0;
  const cases = fc
    .array(pattern, { minLength: 1, maxLength: 8 })
    .chain((patterns) => fc.tuple(fc.constant(patterns), fc.array(fc.oneof(...patterns.map(pathNear)), { minLength: 8, maxLength: 8 })));
  fc.assert(
    fc.property(cases, ([patterns, paths]) => {
      const automaton = built(...patterns);
      for (const path of paths) {
        const expected = patterns.flatMap((text, i) => (matchesGlob(globOf(text), path) ? [i] : []));
        expect({ path, accepted: accepted(automaton, path) }).toEqual({ path, accepted: expected });
        matched += expected.length > 1 ? 1 : 0;
      }
    }),
    { numRuns: 600 },
  );
  expect(matched).toBeGreaterThan(100);
});

test('a name that is no UTF-8 is matched by * and ** and by nothing that stands for one character', () => {
  const broken = Uint8Array.of(0x2f, 0x61, 0xff, 0x62);
  expect(accepted(built('/a*b', '/**', '/a?b', '/a[^x]b'), broken)).toEqual([0, 1]);
});

test('state 0 is dead, and no pattern matches once it is reached', () => {
  const { next, accept, classes } = built('/a*', '/b/**');
  expect([...next.subarray(0, classes)]).toEqual(Array.from({ length: classes }, () => 0));
  expect(accept[0]).toBe(0);
});

test('bytes that no pattern tells apart share a class', () => {
  expect(built('/etc/*').classes).toBe(5); // e, t, c, /, and all others
  expect(built('/[a-m]*', '/[n-z]*').classes).toBe(4);
});

test.each([
  ['doubling with every ?', `/**a${'?'.repeat(40)}`],
  ['two thousand stars', `/${'*a'.repeat(2000)}`],
  ['stars of both kinds', `/${'**a*b'.repeat(800)}`],
  ['a thousand options', `/${'{,a}'.repeat(1000)}`],
  ['a long row of characters', `/**${'?'.repeat(4000)}`],
])('%s: building stops at the limit of its work', (_name, text) => {
  const limits = { ...LIMITS, states: 4096, work: 300_000 };
  expect(buildAutomaton([globOf(text)], limits)).toBeUndefined();
  // a step beyond the limit is a row of one state, never more
  expect(limits.work).toBeGreaterThan(-1_100_000);
});

test('thousands of ordinary patterns are built within the limits of a table', () => {
  const patterns = Array.from({ length: 2000 }, (_, i) => `/srv/site${i}/*.html`);
  const automaton = built(...patterns);
  expect(accepted(automaton, '/srv/site1234/index.html')).toEqual([1234]);
});

test('the same patterns give the same automaton, byte for byte', () => {
  const { classOf, next, accept, ...rest } = built('/etc/*.conf', '/home/*/.ssh/**', '/{,usr/}bin/[a-f]?');
  const digest = createHash('sha256')
    .update(classOf)
    .update(new Uint8Array(next.buffer))
    .update(new Uint8Array(accept.buffer))
    .digest('hex');
  expect({ ...rest, digest }).toMatchInlineSnapshot(`
   {
     "accepts": [
       [
         2,
       ],
       [
         0,
       ],
       [
         1,
       ],
     ],
     "classes": 29,
     "digest": "0d7fbf95338ca8fa60a1c1473c477a0c148e39a0c175a571e8a7e44784489021",
     "states": 51,
   }
  `);
});
