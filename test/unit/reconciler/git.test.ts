import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { GitSource, GitSourceOptions } from '../../../reconciler/src/adapters/git.ts';
import { looseRef, revisionOf } from '../../../reconciler/src/git-ref.ts';
import type { ExportedTree, Resolved } from '../../../reconciler/src/ports.ts';
import { StageError } from '../../../reconciler/src/stage-error.ts';
import { hash } from './builders.ts';
import { codes, exportedBy, files, sourceOf } from './git-source.ts';
import { Repository } from './repositories.ts';

// real processes, on machines that may be busy
jest.setTimeout(60_000);

let repository: Repository;
const signal = new AbortController().signal;
const source = (options: Partial<GitSourceOptions> = {}): GitSource => sourceOf(repository, options);
/** As the standalone mode asks for it. */
const following = (ref: string | undefined): GitSource => source({ ref: looseRef(ref) });
const found = (commit: string, ref = 'refs/heads/main'): Resolved => ({
  commit,
  ref,
  revision: revisionOf({ kind: 'branch', value: '' }, { name: ref, commit }),
});
const exported = (commit: string, from = source()): Promise<ExportedTree> => exportedBy(from, commit);

beforeEach(() => {
  repository = new Repository();
});
afterEach(() => repository.remove());

test('the files of a commit are written out as they are in it, and removed when they are done with', async () => {
  const commit = repository.commit({
    'main.ts': '$Id$\none\n',
    'lib/a b.ts': 'ü\0',
    'package.json': '{}',
    '.gitattributes': '*.ts text eol=crlf ident\n',
  });
  const git = source();
  expect(await git.resolve(signal)).toEqual({ commit, ref: 'refs/heads/main', revision: `main@sha1:${commit}` });
  const tree = await exported(commit, git);
  expect(tree.problems).toEqual([]);
  expect(files(tree.directory)).toEqual(['.gitattributes', 'lib', 'lib/a b.ts', 'main.ts', 'package.json']);
  expect([readFileSync(join(tree.directory, 'main.ts'), 'utf8'), readFileSync(join(tree.directory, 'lib/a b.ts'), 'utf8')]).toEqual([
    '$Id$\none\n',
    'ü\0',
  ]);
  await tree.dispose();
  expect(existsSync(tree.directory)).toBe(false);
});

test('branches, tags, full names and full hashes are found; a branch comes before a tag of its name', async () => {
  const first = repository.git(['rev-parse', 'HEAD']);
  repository.git(['tag', '--annotate', '-m', 'x', 'v1']);
  repository.git(['tag', 'both']);
  repository.git(['push', '--quiet', 'origin', '--tags']);
  const second = repository.commit({ 'main.ts': 'two' }, [
    'HEAD:refs/heads/both',
    'HEAD:refs/heads/feature/x',
    'HEAD:refs/elsewhere/y',
    'HEAD:main',
  ]);
  const resolved = async (ref: string | undefined): Promise<unknown> => following(ref).resolve(signal);
  expect(await resolved('v1')).toEqual({ commit: first, ref: 'refs/tags/v1', revision: `v1@sha1:${first}` });
  for (const [ref, name, revision] of [
    [undefined, 'refs/heads/main', 'main@'],
    ['main', 'refs/heads/main', 'main@'],
    ['both', 'refs/heads/both', 'both@'],
    ['feature/x', 'refs/heads/feature/x', 'feature/x@'],
    ['refs/elsewhere/y', 'refs/elsewhere/y', 'refs/elsewhere/y@'],
  ] as const)
    expect(await resolved(ref)).toEqual({ commit: second, ref: name, revision: `${revision}sha1:${second}` });
  expect(await resolved(second)).toEqual({ commit: second, revision: `sha1:${second}` });
  expect(codes(await exported(first, following('v1')))).toEqual([]);
  expect(codes(await exported(first, following(first)))).toEqual([]);
});

test.each([
  ['a branch', 'gone', 'no branch or tag called "gone"'],
  ['a full name', 'refs/heads/gone', 'no reference called "refs/heads/gone"'],
  ['part of a name', 'ain', 'no branch or tag called "ain"'],
])('%s that is not there is a problem that names it', async (_name, ref, why) => {
  const resolved = await following(ref).resolve(signal);
  expect(resolved).toMatchObject({ problems: [{ code: 'ref-not-found', severity: 'error' }] });
  expect('problems' in resolved && resolved.problems[0]?.message).toBe(`${repository.url} has ${why}`);
});

test('a full hash that is not there is a problem of its commit', async () => {
  const tree = await exported(hash('1'), following(hash('1')));
  expect(tree.problems).toMatchObject([{ code: 'ref-not-found', message: `${repository.url} has no commit "${hash('1')}"` }]);
});

test('a tag of something that is no commit is a problem', async () => {
  const blob = repository.git(['rev-parse', 'HEAD:main.ts']);
  repository.git(['tag', 'light', blob]);
  repository.git(['tag', '--annotate', '-m', 'x', 'heavy', blob]);
  repository.git(['push', '--quiet', 'origin', '--tags']);
  for (const value of ['light', 'heavy']) {
    const tree = await exported(blob, source({ ref: { kind: 'tag', value } }));
    const message = `what ${repository.url} has as tag called "${value}" is no commit`;
    expect(tree.problems).toMatchObject([{ code: 'ref-not-found', message }]);
  }
});

test('a repository without a commit has no default branch', async () => {
  const empty = new Repository({ empty: true });
  const resolved = await source({ url: empty.url }).resolve(signal);
  expect(resolved).toMatchObject({ problems: [{ code: 'ref-not-found', message: `${empty.url} has no default branch with a commit` }] });
  empty.remove();
});

test('a repository that is not there is the world’s failure, and so is one that is none', async () => {
  for (const url of [`${repository.url}x`, 'file:///dev/null', 'file:///tmp']) {
    const failure = source({ url }).resolve(signal);
    await expect(failure).rejects.toThrow(StageError);
    await expect(failure).rejects.toMatchObject({ stage: 'resolve', code: 'repository-unreachable', retry: true });
  }
});

test('a repository that vanishes and comes back is read again', async () => {
  const git = source();
  const commit = repository.commit({ 'main.ts': 'x' });
  await git.resolve(signal);
  renameSync(repository.bare, `${repository.bare}.away`);
  await expect(git.resolve(signal)).rejects.toMatchObject({ code: 'repository-unreachable' });
  await expect(git.export(commit, signal)).rejects.toMatchObject({ code: 'repository-unreachable' });
  renameSync(`${repository.bare}.away`, repository.bare);
  expect(await git.resolve(signal)).toEqual(found(commit));
  expect((await exported(commit, git)).problems).toEqual([]);
});

test('a folder is taken alone, and one that is not there or is a file is a problem', async () => {
  const commit = repository.commit({ 'clusters/a/main.ts': 'a', 'clusters/b/main.ts': 'b' });
  const tree = await exported(commit, source({ path: 'clusters/a' }));
  expect(files(tree.directory)).toEqual(['main.ts']);
  for (const path of ['clusters/c', 'main.ts']) expect(codes(await exported(commit, source({ path })))).toEqual(['error path-not-found']);
});

test('a forced push is followed, and a commit that is no longer the newest is told from it', async () => {
  const git = source();
  const first = repository.commit({ 'main.ts': 'first' });
  await (await exported(first, git)).dispose();
  repository.git(['checkout', '--quiet', '--orphan', 'other']);
  const second = repository.commit({ 'main.ts': 'second' });
  expect(await git.export(first, signal)).toEqual({ moved: second });
  expect(await git.resolve(signal)).toEqual(found(second));
  expect(readFileSync(join((await exported(second, git)).directory, 'main.ts'), 'utf8')).toBe('second');
});

test('a branch that is deleted between asking and fetching is a problem, and followed again when it is back', async () => {
  const git = following('topic');
  const commit = repository.commit({ 'main.ts': 'x' }, ['HEAD:topic']);
  await git.resolve(signal);
  repository.git(['push', '--quiet', 'origin', ':topic']);
  expect(codes(await exported(commit, git))).toEqual(['error ref-not-found']);
  expect(await git.resolve(signal)).toMatchObject({ problems: [{ code: 'ref-not-found' }] });
  repository.git(['push', '--quiet', 'origin', 'HEAD:topic']);
  expect(await git.resolve(signal)).toEqual(found(commit, 'refs/heads/topic'));
});

test('a repository that is too large to fetch is a problem, and a smaller commit is taken afterwards', async () => {
  const git = source({ mirrorLimit: 50_000 });
  const commit = repository.commit({ 'noise.bin': randomBytes(100_000).toString('base64') });
  expect(codes(await exported(commit, git))).toEqual(['error repository-too-large']);
  const next = repository.commit({ 'noise.bin': undefined });
  expect((await exported(next, git)).problems).toEqual([]);
});

test('an abort ends the wait with its reason', async () => {
  const abort = new AbortController();
  abort.abort('stopping');
  await expect(source().resolve(abort.signal)).rejects.toBe('stopping');
  const commit = repository.commit({ 'main.ts': 'x' });
  const later = new AbortController();
  const run = source().export(commit, later.signal);
  later.abort({ by: 'b' });
  await expect(run).rejects.toEqual({ by: 'b' });
});
