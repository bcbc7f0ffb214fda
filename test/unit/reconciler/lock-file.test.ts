import { isAbsolute, join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LockFile } from '../../../reconciler/src/adapters/synth/lock-file.ts';
import type { LockEntry } from '../../../reconciler/src/adapters/synth/lock-file.ts';

const INTEGRITY = `sha512-${'A'.repeat(86)}==`;
const PINNED = { version: '1.0.0', integrity: INTEGRITY };

function lock(packages: Readonly<Record<string, unknown>>): LockFile {
  const read = LockFile.read(JSON.stringify({ lockfileVersion: 3, packages }, undefined, 2));
  if (read instanceof LockFile) return read;
  throw new Error(read.message);
}

const entry = (key: string, fields: unknown): LockEntry | undefined => lock({ [key]: fields }).entry(key);

test.each([
  ['no JSON', '{', 'it is not JSON'],
  ['a list', '[]', 'it is not a lock file of npm'],
  ['null', 'null', 'it is not a lock file of npm'],
  ['version 1, with dependencies in one another', '{"lockfileVersion":1,"dependencies":{}}', 'its lockfileVersion is not 2 or 3'],
  ['a version that is inherited', '{"__proto__":{"lockfileVersion":3,"packages":{}}}', 'its lockfileVersion is not 2 or 3'],
  ['no packages', '{"lockfileVersion":3}', 'it has no map of packages'],
  ['packages that are a list', '{"lockfileVersion":3,"packages":[]}', 'it has no map of packages'],
  ['folders without end', `${'{"a":'.repeat(500_000)}1`, 'it is not JSON'],
  [
    'packages without end',
    JSON.stringify({
      lockfileVersion: 2,
      packages: Object.fromEntries(Array.from({ length: 20_001 }, (_, n) => [`node_modules/a${n}`, {}])),
    }),
    'it names more than 20000 packages',
  ],
])('a file with %s is not followed', (_what, text, message) => {
  expect(LockFile.read(text)).toEqual({ message, hint: expect.any(String) });
});

describe('an entry', () => {
  test('is pinned by version and sha512, and may have another name than its folder', () => {
    expect(entry('node_modules/@a/b', PINNED)).toEqual({ kind: 'pinned', key: 'node_modules/@a/b', name: '@a/b', ...PINNED });
    const alias = { ...PINNED, name: 'c', integrity: `sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= ${INTEGRITY}` };
    expect(entry('node_modules/a/node_modules/b', alias)).toMatchObject({ kind: 'pinned', name: 'c', integrity: INTEGRITY });
  });

  test.each([
    ['no map', 1, 'is not a map of fields'],
    ['a list', [], 'is not a map of fields'],
    ['a link', { ...PINNED, link: true }, 'is a link to a folder'],
    ['an archive beside it', { ...PINNED, resolved: 'file:../a.tgz' }, 'is not from a registry'],
    ['a repository', { ...PINNED, resolved: 'git+https://github.com/a/b#1' }, 'is not from a registry'],
    ['an address that is none', { ...PINNED, resolved: {} }, 'is not from a registry'],
    ['a name that is a path', { ...PINNED, name: '../a' }, 'has a name that no package can have'],
    ['a name that is an option', { ...PINNED, name: 'a --prefix b' }, 'has a name that no package can have'],
    ['no version', { integrity: INTEGRITY }, 'has no version'],
    ['a version that is a command', { ...PINNED, version: '1.0.0; reboot' }, 'has no version'],
    ['no integrity', { version: '1.0.0' }, 'has no integrity'],
    ['sha1 only', { version: '1.0.0', integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }, 'has no sha512 integrity'],
    ['a hash that is too short', { version: '1.0.0', integrity: 'sha512-AAAA' }, 'has no sha512 integrity'],
    ['a hash that is a path', { version: '1.0.0', integrity: `sha512-${'../'.repeat(28)}AA==` }, 'has no sha512 integrity'],
    ['two hashes', { version: '1.0.0', integrity: `${INTEGRITY} sha512-${'B'.repeat(86)}==` }, 'has more than one sha512 integrity'],
  ])('with %s is told as that', (_what, fields, why) => {
    expect(entry('node_modules/a', fields)).toMatchObject({ kind: 'unusable', key: 'node_modules/a', why, hint: expect.any(String) });
  });

  test.each([
    ['for development', { ...PINNED, dev: true }],
    ['extraneous', { ...PINNED, extraneous: true }],
    ['in the archive of another', { version: '1.0.0', inBundle: true }],
    ['optional and for another system', { ...PINNED, optional: true, os: ['darwin', 'win32'] }],
    ['optional and for any other system', { ...PINNED, optional: true, os: ['!linux'] }],
    ['optional and for one processor', { ...PINNED, optional: true, os: ['linux'], cpu: ['x64'] }],
  ])('that is %s is none to be looked for', (_what, fields) => {
    expect(entry('node_modules/a', fields)).toBeUndefined();
  });

  test.each([
    ['optional', { ...PINNED, optional: true }],
    ['optional and for this system', { ...PINNED, devOptional: true, os: ['linux'] }],
    ['optional and not for another system', { ...PINNED, optional: true, os: ['!win32'] }],
    ['a peer', { ...PINNED, peer: true }],
  ])('that is %s is one', (_what, fields) => {
    expect(entry('node_modules/a', fields)).toMatchObject({ kind: 'pinned' });
  });

  test.each([
    '',
    '__proto__',
    'packages/a',
    'node_modules/',
    'node_modules/..',
    'node_modules/a/../../b',
    '/node_modules/a',
    'node_modules/@a',
  ])('at %j is passed over', (key) => expect(entry(key, PINNED)).toBeUndefined());

  test('is found by the innermost package that a path is in', () => {
    const found = lock({
      'node_modules/a': PINNED,
      'node_modules/a/node_modules/b': { version: '1.0.0', inBundle: true },
      'node_modules/a/node_modules/@c/d': PINNED,
    });
    expect(
      [
        'node_modules/a',
        'node_modules/a/lib/node_modules/x/y.js',
        'node_modules/a/node_modules/b/index.js',
        'node_modules/a/node_modules/@c/d/index.js',
        'node_modules/a/node_modules/@c',
        'node_modules/ab',
        'lib/node_modules/a',
        'node_modules/@c',
      ].map((path) => found.owner(path)),
    ).toEqual([
      ...Array.from({ length: 3 }, () => 'node_modules/a'),
      'node_modules/a/node_modules/@c/d',
      'node_modules/a',
      ...[undefined, undefined, undefined],
    ]);
  });

  test('is told with its line, where it has one', () => {
    const found = lock({ 'node_modules/a': PINNED, 'node_modules/b': PINNED });
    expect([found.lineOf('node_modules/a'), found.lineOf('node_modules/b'), found.lineOf('node_modules/c')]).toEqual([4, 8, undefined]);
  });
});

/** Whatever somebody may write to be taken for something else. */
const word = fc.oneof(
  fc.string({ maxLength: 12, unit: 'binary' }),
  fc.constantFrom('node_modules', '..', '.', '', '/', '\\', '__proto__', 'constructor', '@a', 'a', 'etc', '\0', 'C:', 'a..', '%2e%2e'),
);
const path = fc.array(word, { maxLength: 8 }).map((parts) => parts.join('/'));
const below = fc.array(word, { maxLength: 6 }).map((parts) => ['node_modules', ...parts].join('/'));
const scalar = fc.oneof(
  path,
  fc.constantFrom(INTEGRITY, '1.0.0', 'https://registry.npmjs.org/a', true, null, 1, 3),
  fc.jsonValue({ maxDepth: 2 }),
);
const fields = fc.dictionary(
  fc.constantFrom('version', 'integrity', 'resolved', 'link', 'name', 'os', 'cpu', 'optional', 'inBundle', '__proto__'),
  scalar,
);
const packages = fc.dictionary(fc.oneof(path, below), fc.oneof(fields, scalar), { maxKeys: 8 });

test('whatever a lock file holds, nothing is thrown, and no package is anywhere but below node_modules', () => {
  let named = 0;
  const held = fc.property(packages, fc.constantFrom(2, 3), below, (all, lockfileVersion, asked) => {
    const read = LockFile.read(JSON.stringify({ lockfileVersion, packages: all }));
    if (!(read instanceof LockFile)) return;
    for (const from of [...Object.keys(all), asked]) {
      const key = read.owner(from);
      if (key === undefined) continue;
      named += 1;
      const way = relative('/repository/node_modules', join('/repository', key));
      expect([way.startsWith('..'), isAbsolute(way), way === '', key.includes('\\'), key.includes('\0')]).toEqual(Array(5).fill(false));
      expect(`${from}/`.startsWith(`${key}/`)).toBe(true);
      const found = read.entry(key);
      if (found?.kind === 'pinned') expect(Buffer.from(found.integrity.slice(7), 'base64')).toHaveLength(64);
      expect(read.lineOf(key)).toBe(1);
    }
  });
  fc.assert(held, { numRuns: 3_000 });
  expect(named).toBeGreaterThan(100);
});

test('whatever text stands in place of a lock file, nothing is thrown', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => void LockFile.read(text)),
    { numRuns: 1_000 },
  );
});
