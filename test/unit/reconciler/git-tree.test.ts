import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { contentOf, linkFault, readTree } from '../../../reconciler/src/git-tree.ts';
import { hash } from './builders.ts';

const line = (path: string, { mode = '100644', size = '3', type = 'blob' } = {}): string =>
  `${mode} ${type} ${hash('a')} ${size.padStart(7)}\t${path}\0`;
const link = (path: string): string => line(path, { mode: '120000' });

test('files and links are told apart, and submodules left out with a warning', () => {
  const tree = readTree(
    line('main.ts') +
      line('bin/run', { mode: '100755' }) +
      link('here') +
      line('vendor/lib', { mode: '160000', type: 'commit', size: '-' }),
  );
  expect(tree.files.map(({ path, size }) => [path, size])).toEqual([
    ['main.ts', 3],
    ['bin/run', 3],
  ]);
  expect(tree.links.map(({ path }) => path)).toEqual(['here']);
  expect(tree.problems).toMatchObject([{ severity: 'warning', code: 'repository-entry', place: { file: 'vendor/lib' } }]);
});

test('odd but harmless names are taken as they are', () => {
  const names = ['a b', 'ünï', '-x', 'a\nb', 'a\tb', '"q"', 'a\\b', '.gitignore', '.github/x', 'git', '...', 'CON'];
  expect(readTree(names.map((name) => line(name)).join(''))).toMatchObject({ problems: [], files: names.map((path) => ({ path })) });
});

test.each([
  ['../up', 'a part ".."'],
  ['a/../../up', 'a part ".."'],
  ['./a', 'a part "."'],
  ['/etc/passwd', 'a part ""'],
  ['a//b', 'a part ""'],
  ['.git/config', 'called .git'],
  ['sub/.GIT/hooks/x', 'called .git'],
  ['bad\uFFFDname', 'not UTF-8'],
  ['x'.repeat(256), 'longer than 255'],
  ['ü'.repeat(128), 'longer than 255'],
  [`${'d/'.repeat(1500)}f`, 'too long'],
])('an entry %j is refused', (path, why) => {
  const { files, problems } = readTree(line(path));
  expect(files).toEqual([]);
  expect(problems).toMatchObject([{ severity: 'error', code: 'repository-entry' }]);
  expect(problems[0]?.message).toContain(why);
});

test('an entry that is there twice or lies below a link is refused', () => {
  expect(readTree(line('a') + line('a')).problems).toMatchObject([
    { severity: 'error', message: expect.stringContaining('twice') as unknown },
  ]);
  expect(readTree(line('dir/deep/file') + link('dir')).problems).toMatchObject([
    { severity: 'error', place: { file: 'dir/deep/file' }, message: expect.stringContaining('below a symbolic link') as unknown },
  ]);
});

test('too many files, or too large ones, are one problem with both limits', () => {
  const limits = { files: 2, bytes: 2 * 1024 * 1024 };
  expect(readTree(line('a') + line('b'), limits).problems).toEqual([]);
  expect(readTree(line('a') + line('b') + line('c'), limits).problems).toMatchObject([{ code: 'repository-too-large', severity: 'error' }]);
  const { problems } = readTree(line('a', { size: '2097153' }), limits);
  expect(problems[0]?.message).toBe('the repository has 1 file with 3 MiB, and at most 2 files and 2 MiB are taken, folders included');
  expect(readTree(line('a', { size: '-' }), limits).problems).toMatchObject([{ code: 'repository-too-large' }]);
});

test('no listing makes the reader throw, and no file that it gives leaves the directory', () => {
  const part = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('..', '.', '', '.git', 'a', 'b', '/'));
  const path = fc.array(part, { maxLength: 5 }).map((parts) => parts.join('/'));
  const listing = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(path).map((paths) => paths.map((one) => line(one)).join('')),
  );
  fc.assert(
    fc.property(listing, (text) => {
      for (const { path: given } of readTree(text).files) expect(resolve('/w', given).startsWith('/w/')).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['here', 'main.ts'],
  ['a/b/here', '../../main.ts'],
  ['a/here', './../main.ts'],
  ['here', 'dangling/file'],
  ['a/here', '..'],
])('a link %s to %s may be made', (path, target) => expect(linkFault(path, target)).toBeUndefined());

test.each([
  ['here', ''],
  ['here', '/etc/passwd'],
  ['here', '..'],
  ['a/here', '../../x'],
  ['a/here', 'b/../../../x'],
  ['a/here', 'b/../c'],
  ['here', 'a\0b'],
])('a link %s to %j may not be made', (path, target) => expect(linkFault(path, target)).toBeDefined());

test('a link that may be made stays inside, whatever its target', () => {
  const target = fc.array(fc.constantFrom('..', '.', '', 'a', 'b'), { maxLength: 6 }).map((parts) => parts.join('/'));
  fc.assert(
    fc.property(fc.constantFrom('l', 'a/l', 'a/b/l'), target, (path, to) => {
      if (linkFault(path, to) === undefined) expect(`${resolve('/w', path, '..', to)}/`).toMatch(/^\/w\//);
    }),
    { numRuns: 1000 },
  );
});

test('folders count as files do', () => {
  const limits = { files: 6, bytes: 1e6 };
  expect(readTree(line('a/b/x') + line('a/b/y') + line('a/c'), limits).problems).toEqual([]);
  expect(readTree(line('a/b/x') + line('a/b/y') + line('a/c/d'), limits).problems).toEqual([]);
  expect(readTree(line('a/b/x') + line('a/b/y') + line('a/c/d/e'), limits).problems).toMatchObject([{ code: 'repository-too-large' }]);
});

test('of many problems the first are named, errors before warnings, and the rest counted', () => {
  const modules = Array.from({ length: 300 }, (_, index) => line(`m${index}`, { mode: '160000', type: 'commit', size: '-' }));
  const { problems } = readTree(modules.join('') + line('.git/x'));
  expect(problems).toHaveLength(101);
  expect(problems[0]).toMatchObject({ severity: 'error', place: { file: '.git/x' } });
  expect(problems.at(-1)).toMatchObject({ severity: 'error', message: 'there are 201 more problems with files of the repository' });
});

test('a name that is too long to be read is cut where it is told', () => {
  const [problem] = readTree(line('d/'.repeat(3000))).problems;
  expect(problem?.place.file).toMatch(/^(d\/)+d?…$/);
  expect(problem?.place.file).toHaveLength(300);
});

test('the content is the same for the same files, and another one for other names, contents and links', () => {
  const content = (...lines: string[]): string => contentOf(readTree(lines.join('')));
  expect(content(line('a'), line('b'))).toBe(
    content(line('a'), line('b'), line('vendor/lib', { mode: '160000', type: 'commit', size: '-' })),
  );
  const others = [
    content(line('a')),
    content(line('a'), line('c')),
    content(line('a'), line('b').replace(hash('a'), hash('b'))),
    content(line('a'), link('b')),
    content(link('a'), link('b')),
  ];
  expect(new Set([content(line('a'), line('b')), ...others]).size).toBe(6);
});
