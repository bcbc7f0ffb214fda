/** Random patterns over few letters, so that they meet paths and one another, and paths that a pattern is likely to match; for fast-check. */
import fc from 'fast-check';
import { literalOf, parseGlob } from '@parapet/policy';
import type { Glob, GlobPart } from '@parapet/policy';

const PIECES = [
  'a',
  'b',
  'ab',
  '.x',
  'Ü',
  '\\*',
  '*',
  '**',
  '?',
  '[ab]',
  '[^a]',
  '[!b-z]',
  '[à-ü]',
  '{a,b}',
  '{,b}',
  '{a,b*,{?,bb}}',
  '{a/b,b}',
];

const component = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom('a', 'b') },
  { weight: 3, arbitrary: fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join('')) },
);

/** Patterns that the parser takes, each with a wildcard. */
export const pattern: fc.Arbitrary<string> = fc
  .array(component, { minLength: 1, maxLength: 4 })
  .map((parts) => `/${parts.join('/')}`)
  .filter((text) => {
    const read = parseGlob(text);
    return 'glob' in read && literalOf(read.glob) === undefined;
  });

const FILLINGS = ['', 'a', 'b', 'ab', 'Ü', 'bba'];
const DEEP_FILLINGS = [...FILLINGS, 'a/b', 'b/a/b'];

/** A path that the pattern matches, or nearly: what is drawn for a class need not be in it. */
export function pathNear(text: string): fc.Arbitrary<string> {
  const read = parseGlob(text);
  if ('fault' in read) throw new Error(`${text} ${read.fault.message}`);
  return fc.array(fc.nat(), { minLength: 24, maxLength: 24 }).map((choices) => {
    let used = 0;
    const choose = <T>(options: readonly T[]): T => options[(choices[used++ % choices.length] ?? 0) % options.length]!;
    const write = (glob: Glob): string => glob.map(writePart).join('');
    const writePart = (part: GlobPart): string => {
      if (part.type === 'literal') return String.fromCodePoint(part.point);
      if (part.type === 'choice') return write(choose(part.options));
      return part.type === 'many' ? choose(part.slashes ? DEEP_FILLINGS : FILLINGS) : choose(['a', 'b', 'Ü', 'z', '日']);
    };
    const components = write(read.glob)
      .split('/')
      .filter((name) => name !== '');
    return `/${components.join('/')}`;
  });
}
