import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  describeRef,
  findRef,
  isVersionRange,
  listingArgs,
  looseRef,
  newestTag,
  readPullRequests,
  revisionOf,
} from '../../../reconciler/src/git-ref.ts';
import type { AskedRef } from '../../../reconciler/src/git-ref.ts';
import { hash } from './builders.ts';

const TAGS = [
  'v1.0.0',
  '1.1.0',
  'v1.2.0',
  'v1.3.0-rc.1',
  'v1.10.0',
  'v2.0.0-alpha',
  'v2.0.0',
  'v2.1.0-beta.2',
  'latest',
  'v9',
  '9.9',
  'vv9.9.9',
];

test.each([
  // without a pre-release in the range none is taken
  ['*', 'v2.0.0'],
  ['>=1.0.0', 'v2.0.0'],
  ['1.x', 'v1.10.0'],
  ['~1.2', 'v1.2.0'],
  ['^1.0.0', 'v1.10.0'],
  ['1.0 - 1.2', 'v1.2.0'],
  ['>=1.0.0 <1.10.0', 'v1.2.0'],
  ['>= 1.0.0, < 1.10.0', 'v1.2.0'],
  ['=> 1 =< 1.2', 'v1.2.0'],
  ['>1', 'v2.0.0'],
  ['v1.0.0', 'v1.0.0'],
  ['1.1.0', '1.1.0'],
  ['>=1, !=2.0.0', 'v1.10.0'],
  ['!= 2.x', 'v1.10.0'],
  ['~5 || ~1.1', '1.1.0'],
  // with one they are, on that side of ||
  ['>=1.0.0-0', 'v2.1.0-beta.2'],
  ['*-0', 'v2.1.0-beta.2'],
  ['>=1.0.0-0 <2.0.0', 'v2.0.0-alpha'],
  ['^1.0.0-0', 'v1.10.0'],
  ['~1.3.0-0', 'v1.3.0-rc.1'],
  ['1.3.x-0', 'v1.3.0-rc.1'],
  ['>=5.0.0-0 || 1.x', 'v1.10.0'],
])('the newest version in %j is %s', (range, tag) => {
  expect(newestTag(TAGS, range)).toBe(tag);
  expect(newestTag(TAGS.toReversed(), range)).toBe(tag);
});

test.each(['', ' ', 'main', '>=', '1.2.3.4', '>1 || ', 'a'.repeat(300), '>=1 !=', '1 '.repeat(30)])('%j is no range', (range) => {
  expect(isVersionRange(range)).toBe(false);
  expect(newestTag(TAGS, range)).toBeUndefined();
});

test('versions that are equal are told apart, always the same way', () => {
  const tags = ['v1.0.0+2', 'v1.0.0+10', '1.0.0', 'v1.0.0'];
  expect([newestTag(tags, '1'), newestTag(tags.toReversed(), '1')]).toEqual(['v1.0.0+10', 'v1.0.0+10']);
  expect([newestTag(['1.0.0', 'v1.0.0'], '1'), newestTag(['v1.0.0', '1.0.0'], '1')]).toEqual(['v1.0.0', 'v1.0.0']);
});

test('no range and no tag makes the reader throw', () => {
  const word = fc.oneof(fc.string(), fc.constantFrom('>=', '1.x', '-0', '||', ',', ' ', '!=', '~1.2-beta', 'v1.0.0', '*'));
  const range = fc.array(word, { maxLength: 8 }).map((words) => words.join(''));
  fc.assert(
    fc.property(range, fc.array(word), (text, tags) => {
      const found = newestTag(tags, text);
      expect(found === undefined || tags.includes(found)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

const LISTING = [
  'ref: refs/heads/trunk\tHEAD',
  `${hash('a')}\tHEAD`,
  `${hash('a')}\trefs/heads/trunk`,
  `${hash('b')}\trefs/heads/both`,
  `${hash('c')}\trefs/tags/both`,
  `${hash('d')}\trefs/tags/v1.0.0`,
  `${hash('e')}\trefs/tags/v1.0.0^{}`,
  `${hash('f')}\trefs/pull/7/head`,
  `${hash('1')}\trefs/pull/12/head`,
  `${hash('2')}\trefs/pull/12/merge`,
  `${hash('3')}\trefs/merge-requests/3/head`,
  `${hash('4')}\trefs/pull/x/head`,
  'nonsense',
].join('\n');

test.each<[AskedRef, string | undefined, string | undefined]>([
  [{ kind: 'default' }, hash('a'), `trunk@sha1:${hash('a')}`],
  [{ kind: 'branch', value: 'both' }, hash('b'), `both@sha1:${hash('b')}`],
  [{ kind: 'tag', value: 'both' }, hash('c'), `both@sha1:${hash('c')}`],
  [{ kind: 'any', value: 'both' }, hash('b'), `both@sha1:${hash('b')}`],
  [{ kind: 'tag', value: 'v1.0.0' }, hash('e'), `v1.0.0@sha1:${hash('e')}`],
  [{ kind: 'semver', value: '1.x' }, hash('e'), `v1.0.0@sha1:${hash('e')}`],
  [{ kind: 'name', value: 'refs/pull/7/head' }, hash('f'), `refs/pull/7/head@sha1:${hash('f')}`],
  [{ kind: 'name', value: 'refs/heads/trunk' }, hash('a'), `refs/heads/trunk@sha1:${hash('a')}`],
  [{ kind: 'branch', value: 'trun' }, undefined, undefined],
  [{ kind: 'semver', value: '2.x' }, undefined, undefined],
  [{ kind: 'commit', value: hash('a') }, undefined, undefined],
])('of %j the listing says %s', (ref, commit, revision) => {
  const found = findRef(ref, LISTING);
  expect(found?.commit).toBe(commit);
  expect(found && revisionOf(ref, found)).toBe(revision);
});

test('a default branch whose name can not be one is called HEAD', () => {
  const listing = `ref: refs/heads/a b\tHEAD\n${hash('a')}\tHEAD`;
  expect(findRef({ kind: 'default' }, listing)).toEqual({ name: 'HEAD', commit: hash('a') });
});

test('a commit by its hash is its own revision, and says which hash it is', () => {
  expect(revisionOf({ kind: 'commit', value: hash('a') }, { commit: hash('a') })).toBe(`sha1:${hash('a')}`);
  expect(revisionOf({ kind: 'branch', value: 'm' }, { name: 'refs/heads/m', commit: 'a'.repeat(64) })).toBe(`m@sha256:${'a'.repeat(64)}`);
});

test('the server is asked for no more than the kind of reference needs', () => {
  expect(listingArgs({ kind: 'branch', value: 'm' })).toEqual({ options: ['--heads'], patterns: ['refs/heads/m', 'refs/heads/m^{}'] });
  expect(listingArgs({ kind: 'semver', value: '1' })).toEqual({ options: ['--tags'], patterns: [] });
  expect(listingArgs({ kind: 'any', value: 'm' }).options).toEqual(['--heads', '--tags']);
  expect(listingArgs({ kind: 'name', value: 'refs/pull/1/head' }).options).toEqual([]);
  expect(listingArgs({ kind: 'name', value: 'refs/tags/v1' }).options).toEqual(['--tags']);
});

test('pull requests are read with the newest first, as many as are wanted', () => {
  expect(readPullRequests(LISTING, 10)).toEqual([
    { number: 12, commit: hash('1'), ref: 'refs/pull/12/head' },
    { number: 7, commit: hash('f'), ref: 'refs/pull/7/head' },
    { number: 3, commit: hash('3'), ref: 'refs/merge-requests/3/head' },
  ]);
  expect(readPullRequests(LISTING, 1).map(({ number }) => number)).toEqual([12]);
});

test('what people write behind --ref is told apart', () => {
  expect(looseRef(undefined)).toEqual({ kind: 'default' });
  expect(looseRef(hash('a'))).toEqual({ kind: 'commit', value: hash('a') });
  expect(looseRef('refs/pull/1/head')).toEqual({ kind: 'name', value: 'refs/pull/1/head' });
  expect(looseRef('v1')).toEqual({ kind: 'any', value: 'v1' });
});

test('what is not there is named by its kind', () => {
  expect(describeRef({ kind: 'semver', value: '>=2' })).toBe('tag with a version in the range ">=2"');
  expect(describeRef({ kind: 'branch', value: 'm' })).toBe('branch called "m"');
  expect(describeRef({ kind: 'default' })).toBe('default branch with a commit');
});
