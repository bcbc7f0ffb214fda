import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { globOf, hangsAt, inDirectory, literalOf, matchesGlob, parseGlob } from '@parapet/policy';
import { pathNear, pattern } from '../../support/pattern-cases.ts';

function faultOf(text: string): string | undefined {
  const read = parseGlob(text);
  return 'fault' in read ? read.fault.message : undefined;
}

function matches(text: string, path: string): boolean {
  return matchesGlob(globOf(text), path);
}

test.each([
  ['/etc/*.conf', ['/etc/a.conf', '/etc/.conf'], ['/etc/a/b.conf', '/etc/a.conf2', '/etc/conf']],
  ['/etc/**.conf', ['/etc/a.conf', '/etc/a/b/c.conf'], ['/etcetera/a.conf']],
  ['/**', ['/', '/a', '/a/b/c'], []],
  ['/**/x', ['/a/x', '/a/b/x'], ['/x', '/ax']],
  ['/***/x', ['/a/b/x'], ['/x']],
  ['/a?c', ['/abc', '/aéc', '/a日c'], ['/ac', '/a/c', '/abbc']],
  ['/[abc]', ['/a', '/c'], ['/d', '/ab', '/']],
  ['/[a-cx-z]1', ['/b1', '/y1'], ['/d1']],
  ['/[^a-c]', ['/d', '/é', '/]'], ['/a', '/']],
  ['/[!x]', ['/y'], ['/x']],
  ['/[a^!-]', ['/a', '/^', '/!', '/-'], ['/b']],
  ['/[\\]\\\\]', ['/]', '/\\'], ['/[']],
  ['/[à-ü]', ['/é'], ['/z', '/ý']],
  ['/[+-0]', ['/+', '/.', '/0'], ['/', '/1']],
  ['/{,usr/}bin/*', ['/bin/sh', '/usr/bin/sh'], ['/usr/sbin/sh', '/bin']],
  ['/{a,b{c,d*}}', ['/a', '/bc', '/bdxx'], ['/b', '/ac']],
  ['/a\\*b*', ['/a*b', '/a*bc'], ['/axb']],
  ['/a,b*', ['/a,b'], ['/a']],
])('%s matches %j and not %j', (text, yes, no) => {
  expect([yes.filter((path) => !matches(text, path)), no.filter((path) => matches(text, path))]).toEqual([[], []]);
});

test.each([
  ['', 'must not be empty'],
  ['etc/*', 'must be absolute: it does not start with /'],
  ['*.conf', 'must be absolute: it does not start with /'],
  ['/a\0*', 'must not contain a NUL character'],
  ['/\ud800*', 'is not valid Unicode'],
  [`/${'x'.repeat(4095)}*`, 'has 4097 bytes, and a pattern has at most 4095'],
  ['/a//*', 'must not contain //'],
  ['/*/../x', 'must not contain the component . or ..'],
  ['/*/.', 'must not contain the component . or ..'],
  ['/a/*/', 'must not end in /'],
  ['/{a//b,c}', 'must not contain //'],
  ['/[a', 'has a [ that nothing closes'],
  ['/[a\\', 'ends in a \\ that escapes nothing'],
  ['/[]', 'has brackets with nothing in them'],
  ['/[^]', 'has brackets with nothing in them'],
  ['/[z-a]', 'has a range whose end comes before its start'],
  ['/[a/]', 'has a / between brackets, where it matches nothing'],
  ['/a]', 'has a ] that closes nothing'],
  ['/{a,b', 'has a { that nothing closes'],
  ['/a}', 'has a } that closes nothing'],
  ['/{}', 'has braces with nothing in them'],
  ['/{,}', 'has braces with nothing in them'],
  ['/a\\', 'ends in a \\ that escapes nothing'],
  [`/${'{a,'.repeat(17)}b${'}'.repeat(17)}`, 'has braces more than 16 deep'],
])('%j is refused: %s', (text, message) => {
  expect(faultOf(text)).toBe(message);
});

test('no text makes the parser throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'/*?[]{}^!-,\\.abé\0'), maxLength: 30 }), (text) => {
      const read = parseGlob(`/${text}`);
      return 'glob' in read || read.fault.message.length > 0;
    }),
    { numRuns: 20_000 },
  );
});

test.each([
  ['/etc/nginx/*.conf', 2],
  ['/etc/ngin*', 1],
  ['/*', 0],
  ['/**', 0],
  ['/{a,b}/c', 0],
  ['/a/b{,/c}', 1],
  ['/a\\*/b/?', 2],
])('%s hangs from its first %i components', (text, depth) => {
  expect(hangsAt(globOf(text))).toBe(depth);
});

test('a pattern without wildcards is a path, its escapes taken away', () => {
  expect(literalOf(globOf('/a\\*b/é'))).toBe('/a*b/é');
  expect(literalOf(globOf('/a*b'))).toBeUndefined();
});

/** A pattern as a regular expression, by rules of its own. */
function expressionOf(text: string): RegExp {
  const written = text.replace(/\\(.)|\*\*+|\*|\?|\[[!^]?|[\]{},]|[.+^$()|]/gu, (token, escaped: string | undefined) => {
    if (escaped !== undefined) return `\\u{${escaped.codePointAt(0)!.toString(16)}}`;
    if (token.startsWith('**')) return '.*';
    if (token.startsWith('[')) return token.length > 1 ? '[^/' : '[';
    const inWords: Readonly<Record<string, string>> = { '*': '[^/]*', '?': '[^/]', ']': ']', '{': '(?:', '}': ')', ',': '|' };
    return inWords[token] ?? `\\${token}`;
  });
  return new RegExp(`^${written}$`, 'su');
}

test('the plain matcher says what a regular expression says', () => {
  const met = { yes: 0, no: 0 };
  fc.assert(
    fc.property(
      pattern.chain((text) => fc.tuple(fc.constant(text), pathNear(text))),
      ([text, path]) => {
        const expected = expressionOf(text).test(path);
        met[expected ? 'yes' : 'no'] += 1;
        expect({ text, path, matches: matches(text, path) }).toEqual({ text, path, matches: expected });
      },
    ),
    { numRuns: 5000 },
  );
  expect(Math.min(met.yes, met.no)).toBeGreaterThan(500);
});

test.each([
  ['/etc/nginx/*.conf', '/opt/x', '/opt/x/*.conf'],
  ['/a\\/b/?', '/c', '/c/?'],
  ['/**', '/c', '/c/**'],
  ['/a/{b,c}', '/', '/{b,c}'],
  ['/a/*', '/[x]', '/\\[x\\]/*'],
])('%s hung from another directory, %s, is %s', (text, directory, expected) => {
  expect(inDirectory(text, directory)).toBe(expected);
});
