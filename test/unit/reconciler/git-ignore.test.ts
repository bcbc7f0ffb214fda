import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { GitSourceOptions } from '../../../reconciler/src/adapters/git.ts';
import { readTreeWithout } from '../../../reconciler/src/adapters/git/ignored.ts';
import { ignoring } from '../../../reconciler/src/git-ignore.ts';
import { TREE_LIMITS } from '../../../reconciler/src/git-tree.ts';
import type { ExportedTree } from '../../../reconciler/src/ports.ts';
import { hash } from './builders.ts';
import { codes, exportedBy, files, sourceOf } from './git-source.ts';
import { Repository } from './repositories.ts';

// real processes, on machines that may be busy
jest.setTimeout(60_000);

let repository: Repository;

beforeEach(() => {
  repository = new Repository();
});
afterEach(() => repository.remove());

const exported = (commit: string, options: Partial<GitSourceOptions> = {}): Promise<ExportedTree> =>
  exportedBy(sourceOf(repository, options), commit);

test('files are left out as the repository and then the source say', async () => {
  const commit = repository.commit({
    '.parapetignore': '*.test.ts\ndocs/\n!docs/keep.md\n',
    'main.ts': 'x',
    'main.test.ts': 'x',
    'lib/a.test.ts': 'x',
    'lib/a.ts': 'x',
    'docs/keep.md': 'x',
    'Docs/other.md': 'x',
  });
  // What is in a folder that is left out can't be taken back: as with Git.
  const own = ['.parapetignore', 'Docs', 'Docs/other.md', 'lib', 'lib/a.ts', 'main.ts'];
  expect(files((await exported(commit)).directory)).toEqual(own);
  const both = await exported(commit, { ignore: 'lib\n!main.test.ts\n# no comment.ts\n' });
  expect(files(both.directory)).toEqual(['.parapetignore', 'Docs', 'Docs/other.md', 'main.test.ts', 'main.ts']);
  expect(both.problems).toEqual([]);
});

test('the file of the folder that is taken counts, and no other', async () => {
  const commit = repository.commit({
    '.parapetignore': '*',
    'a/.parapetignore': '/b.ts\n',
    'a/b.ts': 'x',
    'a/c/b.ts': 'x',
    'a/c/.parapetignore': '*',
  });
  expect(files((await exported(commit, { path: 'a' })).directory)).toEqual(['.parapetignore', 'c', 'c/.parapetignore', 'c/b.ts']);
});

test('what is left out is not counted, and no link or submodule there is judged', async () => {
  const treeLimits = { files: 2, bytes: 1000 };
  const commit = repository.forge([
    { mode: '100644', name: 'big.bin', content: 'x'.repeat(5000) },
    { mode: '120000', name: 'link', content: '/etc/passwd' },
    { mode: '100644', name: 'main.ts', content: 'x' },
    { mode: '160000', name: 'sub', content: '' },
  ]);
  expect(codes(await exported(commit, { treeLimits }))).toContain('error repository-too-large');
  const tree = await exported(commit, { treeLimits, ignore: 'big.bin\nlink\nsub\n' });
  expect([tree.problems, files(tree.directory)]).toEqual([[], ['main.ts']]);
});

test('patterns that take for ever, and too many of them, are a problem and hold nobody up', async () => {
  const deep = `${'a/'.repeat(1000)}d`;
  const listing = `100644 blob ${hash('a')}       3\t${deep}\0`;
  const slow = `${'a/**/'.repeat(6)}b`;
  const started = Date.now();
  const { problems } = readTreeWithout(listing, TREE_LIMITS, [slow]);
  expect(Date.now() - started).toBeLessThan(3000);
  expect(problems).toMatchObject([{ code: 'repository-entry', severity: 'error', place: { file: '.parapetignore' } }]);
  for (const text of ['x\n'.repeat(501), 'x'.repeat(17_000)]) {
    const tree = await exported(repository.commit({ '.parapetignore': text }));
    expect(tree.problems.map(({ message }) => message)).toEqual([
      "what is to be ignored (here, or in spec.ignore) can't be used: it has more than 500 lines or 16 KiB",
    ]);
  }
});

test('a name that leads out is never ignored', () => {
  const ignored = ignoring(['*', '..', '/']);
  expect(['../x', '/x', './x', 'x', 'a/b'].map(ignored)).toEqual([false, false, false, true, true]);
});

test('an ignore file that is a link is no ignore file', async () => {
  const commit = repository.forge([
    { mode: '120000', name: '.parapetignore', content: 'main.ts' },
    { mode: '100644', name: 'main.ts', content: '*' },
  ]);
  expect(files((await exported(commit)).directory)).toEqual(['.parapetignore', 'main.ts']);
});
