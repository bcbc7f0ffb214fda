import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { SourceMatch } from '@parapet/policy';
import { classifySources, sourceKey } from '../../../policy/src/sources.ts';
import type { SourceClasses } from '../../../policy/src/sources.ts';

const NAMES = ['a', 'b', 'ab'];
const path = fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
const source: fc.Arbitrary<SourceMatch> = fc.oneof(
  path,
  fc.record({
    dir: fc.oneof(
      fc.constant('/'),
      path.map((text) => `${text}/`),
    ),
    recursive: fc.boolean(),
  }),
);

/** The class that the trie gives a program, as the kernel finds it. */
function classOf({ trie }: SourceClasses, program: string): number {
  const names = program.split('/').slice(1);
  let id = 0;
  let words = trie.root;
  for (let i = 0; ; i += 1) {
    const remaining = names.length - i;
    const found = remaining === 0 ? words.exact : remaining === 1 ? words.child : words.deep;
    const next = trie.nodes.findIndex(({ parent, name }) => parent === id && new TextDecoder().decode(name) === names[i]);
    if (next === -1) return found;
    id = next + 1;
    words = trie.nodes[next]!.words;
  }
}

function means(one: SourceMatch, program: string): boolean {
  if (typeof one === 'string') return one === program;
  return program.startsWith(one.dir) && (one.recursive || !program.slice(one.dir.length).includes('/'));
}

test('a program’s class is one of those of every source that means it, and of no other', () => {
  fc.assert(
    fc.property(fc.array(source, { minLength: 1, maxLength: 8 }), fc.array(path, { minLength: 6, maxLength: 6 }), (sources, programs) => {
      const classes = classifySources(sources);
      for (const program of programs) {
        const found = classOf(classes, program);
        for (const one of sources) {
          const expected = means(one, program);
          expect({ program, one, meant: classes.classesOf.get(sourceKey(one))!.includes(found) }).toEqual({
            program,
            one,
            meant: expected,
          });
        }
      }
    }),
    { numRuns: 1000 },
  );
});

test('the order of the sources changes nothing', () => {
  const sources = ['/b', { dir: '/a/', recursive: true }, '/a/b', { dir: '/', recursive: false }];
  expect(classifySources([...sources].reverse())).toEqual(classifySources(sources));
});

test('without sources there is no class', () => {
  expect(classifySources([]).trie).toEqual({ root: { exact: 0, child: 0, deep: 0 }, nodes: [], classes: 0 });
});

test('programs that the same sources mean share a class', () => {
  const classes = classifySources([{ dir: '/bin/', recursive: true }, '/bin/a']);
  expect(classes.trie.classes).toBe(2);
  expect(classOf(classes, '/bin/x/y')).toBe(classOf(classes, '/bin/b'));
  expect(classOf(classes, '/bin/a')).not.toBe(classOf(classes, '/bin/b'));
});
