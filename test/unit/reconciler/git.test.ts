import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { GitSource } from '../../../reconciler/src/adapters/git.ts';
import type { GitSourceOptions } from '../../../reconciler/src/adapters/git.ts';
import type { ExportedTree } from '../../../reconciler/src/ports.ts';
import { StageError } from '../../../reconciler/src/stage-error.ts';
import { hash } from './builders.ts';
import { Repository } from './repositories.ts';

let repository: Repository;
const signal = new AbortController().signal;

beforeEach(() => {
  repository = new Repository();
});
afterEach(() => repository.remove());

function source(options: Partial<GitSourceOptions> = {}): GitSource {
  return new GitSource({
    url: repository.url,
    ref: undefined,
    path: '.',
    directory: join(repository.home, 'store'),
    git: { environment: { PATH: process.env['PATH'] ?? '' }, protocol: 'file', origin: undefined, credentials: () => undefined },
    ...options,
  });
}

async function exported(commit: string, from = source()): Promise<ExportedTree> {
  const tree = await from.export(commit, signal);
  if ('moved' in tree) throw new Error(`moved to ${tree.moved}`);
  return tree;
}
const codes = (tree: { readonly problems: ExportedTree['problems'] }): string[] =>
  tree.problems.map(({ code, severity }) => `${severity} ${code}`);
const files = (directory: string): string[] => (readdirSync(directory, { recursive: true }) as string[]).sort();

test('the files of a commit are written out as they are in it, and removed when they are done with', async () => {
  const commit = repository.commit({
    'main.ts': '$Id$\none\n',
    'lib/a b.ts': 'ü\0',
    'package.json': '{}',
    '.gitattributes': '*.ts text eol=crlf ident\n',
  });
  const git = source();
  expect(await git.resolve(signal)).toEqual({ commit });
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
  const resolved = async (ref: string | undefined): Promise<unknown> => source({ ref }).resolve(signal);
  expect(await resolved('v1')).toEqual({ commit: first });
  for (const ref of [undefined, 'main', 'both', 'feature/x', 'refs/elsewhere/y', second])
    expect(await resolved(ref)).toEqual({ commit: second });
  expect(codes(await exported(first, source({ ref: 'v1' })))).toEqual([]);
  expect(codes(await exported(first, source({ ref: first })))).toEqual([]);
});

test.each([
  ['a branch', 'gone', 'no branch or tag called "gone"'],
  ['a full name', 'refs/heads/gone', 'no branch or tag called "refs/heads/gone"'],
  ['part of a name', 'ain', 'no branch or tag called "ain"'],
])('%s that is not there is a problem that names it', async (_name, ref, why) => {
  const resolved = await source({ ref }).resolve(signal);
  expect(resolved).toMatchObject({ problems: [{ code: 'ref-not-found', severity: 'error' }] });
  expect('problems' in resolved && resolved.problems[0]?.message).toBe(`${repository.url} has ${why}`);
});

test('a full hash that is not there is a problem of its commit', async () => {
  const tree = await exported(hash('1'), source({ ref: hash('1') }));
  expect(tree.problems).toMatchObject([{ code: 'ref-not-found', message: `${repository.url} has no commit "${hash('1')}"` }]);
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
  expect(await git.resolve(signal)).toEqual({ commit });
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
  expect(await git.resolve(signal)).toEqual({ commit: second });
  expect(readFileSync(join((await exported(second, git)).directory, 'main.ts'), 'utf8')).toBe('second');
});

test('a branch that is deleted between asking and fetching is a problem, and followed again when it is back', async () => {
  const git = source({ ref: 'topic' });
  const commit = repository.commit({ 'main.ts': 'x' }, ['HEAD:topic']);
  await git.resolve(signal);
  repository.git(['push', '--quiet', 'origin', ':topic']);
  expect(codes(await exported(commit, git))).toEqual(['error ref-not-found']);
  expect(await git.resolve(signal)).toMatchObject({ problems: [{ code: 'ref-not-found' }] });
  repository.git(['push', '--quiet', 'origin', 'HEAD:topic']);
  expect(await git.resolve(signal)).toEqual({ commit });
});

test('links inside are kept, links that lead out are refused by name', async () => {
  mkdirSync(join(repository.work, 'lib'));
  symlinkSync('../main.ts', join(repository.work, 'lib/main.ts'));
  const tree = await exported(repository.commit({ 'main.ts': 'x' }));
  expect(tree.problems).toEqual([]);
  expect(readlinkSync(join(tree.directory, 'lib/main.ts'))).toBe('../main.ts');
  symlinkSync('/etc/passwd', join(repository.work, 'secret'));
  symlinkSync('../..', join(repository.work, 'lib/up'));
  const refused = await exported(repository.commit({}));
  expect(refused.problems.map(({ place }) => place.file)).toEqual(['lib/up', 'secret']);
  expect(existsSync(join(refused.directory, 'secret'))).toBe(false);
});

test('submodules are left out with a warning, and nothing of them is fetched', async () => {
  const commit = repository.forge([
    { mode: '100644', name: '.gitmodules', content: '[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% /tmp/never\n' },
    { mode: '100644', name: 'main.ts', content: 'x' },
    { mode: '160000', name: 'x', content: '' },
  ]);
  const tree = await exported(commit);
  expect(codes(tree)).toEqual(['warning repository-entry']);
  expect(files(tree.directory)).toEqual(['.gitmodules', 'main.ts']);
});

test('nothing in a repository runs: no hook, filter, attribute or configuration of it', async () => {
  const mark = join(repository.home, 'ran');
  const script = `#!/bin/sh\ntouch ${mark}\n`;
  for (const hook of ['post-checkout', 'post-update', 'reference-transaction', 'pre-auto-gc', 'fsmonitor-watchman']) {
    writeFileSync(join(repository.bare, 'hooks', hook), script, { mode: 0o755 });
  }
  const commit = repository.commit({
    '.gitattributes': '*.ts filter=evil',
    '.gitconfig': '[core]\n\tfsmonitor = ./evil\n',
    'main.ts': 'x',
    'hooks/post-checkout': script,
  });
  // the push above may run hooks of the server; reading must not
  rmSync(mark, { force: true });
  repository.git(['config', 'uploadpack.packObjectsHook', join(repository.bare, 'hooks/post-update')], repository.bare);
  repository.git(['config', 'core.fsmonitor', join(repository.bare, 'hooks/fsmonitor-watchman')], repository.bare);
  const tree = await exported(commit);
  expect(readFileSync(join(tree.directory, 'main.ts'), 'utf8')).toBe('x');
  expect(existsSync(mark)).toBe(false);
  expect(lstatSync(join(tree.directory, 'hooks/post-checkout')).mode & 0o111).toBe(0);
});

test.each([
  ['a folder called .git', [{ mode: '40000', name: '.git', content: '' }], 'repository-entry'],
  ['a path that goes up', [{ mode: '100644', name: '../../up', content: 'x' }], 'repository-entry'],
  [
    'a file twice',
    [
      { mode: '100644', name: 'a', content: 'x' },
      { mode: '100644', name: 'a', content: 'y' },
    ],
    'repository-entry',
  ],
  [
    'a file below a link',
    [
      { mode: '120000', name: 'd', content: '/tmp' },
      { mode: '100644', name: 'd/x', content: 'y' },
    ],
    'repository-entry',
  ],
  ['a link with a NUL', [{ mode: '120000', name: 'd', content: 'a\0b' }], 'repository-entry'],
])('a tree with %s writes nothing outside', async (_name, entries, code) => {
  if (entries[0]?.mode === '40000') {
    const inner = repository.git(['write-tree']);
    writeFileSync(join(repository.home, 'tree'), Buffer.concat([Buffer.from('40000 .git\0'), Buffer.from(inner, 'hex')]));
    const tree = repository.git(['hash-object', '-w', '-t', 'tree', '--literally', join(repository.home, 'tree')]);
    const commit = repository.git(['commit-tree', tree, '-m', 'forged']);
    repository.git(['push', '--quiet', '--force', 'origin', `${commit}:refs/heads/main`]);
    return expect(codes(await exported(commit))).toContain(`error ${code}`);
  }
  const tree = await exported(repository.forge(entries));
  expect(codes(tree)).toContain(`error ${code}`);
  expect(existsSync(join(repository.home, 'up'))).toBe(false);
  return undefined;
});

test('names that are no UTF-8 are refused, odd ones taken', async () => {
  const odd = await exported(repository.commit({ '-rf': 'x', 'a\nb': 'y', ünï: 'z', 'q\'"': 'w' }));
  expect(odd.problems).toEqual([]);
  expect(files(odd.directory)).toEqual(['-rf', 'a\nb', 'main.ts', 'q\'"', 'ünï']);
  const forged = repository.forge([{ mode: '100644', name: 'x', content: 'x' }]);
  const tree = Buffer.concat([
    Buffer.from('100644 '),
    Buffer.from([0x62, 0xff, 0]),
    Buffer.from(repository.git(['rev-parse', `${forged}:x`]), 'hex'),
  ]);
  writeFileSync(join(repository.home, 'tree'), tree);
  const made = repository.git(['hash-object', '-w', '-t', 'tree', '--literally', join(repository.home, 'tree')]);
  const commit = repository.git(['commit-tree', made, '-m', 'forged']);
  repository.git(['push', '--quiet', '--force', 'origin', `${commit}:refs/heads/main`]);
  expect(codes(await exported(commit))).toEqual(['error repository-entry']);
});

test('too many or too large files are a problem with the limits, and nothing is written', async () => {
  const commit = repository.commit({ 'big.bin': 'x'.repeat(3000), 'b.ts': '', 'c.ts': '' });
  for (const treeLimits of [
    { files: 3, bytes: 1e6 },
    { files: 10, bytes: 2000 },
  ]) {
    const tree = await exported(commit, source({ treeLimits }));
    expect(codes(tree)).toEqual(['error repository-too-large']);
    expect(existsSync(tree.directory)).toBe(false);
  }
});

test('a mirror that a crash left half done, locked or damaged is made anew', async () => {
  const commit = repository.commit({ 'main.ts': 'x' });
  await (await exported(commit)).dispose();
  const mirror = join(repository.home, 'store/mirror.git');
  writeFileSync(join(mirror, 'shallow.lock'), '');
  writeFileSync(join(mirror, 'HEAD'), '');
  mkdirSync(join(repository.home, 'store/work/left'), { recursive: true });
  const later = source();
  const tree = await exported(commit, later);
  expect(files(tree.directory)).toEqual(['main.ts']);
  writeFileSync(join(mirror, 'shallow.lock'), '');
  const next = repository.commit({ 'main.ts': 'y' });
  await later.export(next, signal).catch(() => undefined);
  expect(readFileSync(join((await exported(next, later)).directory, 'main.ts'), 'utf8')).toBe('y');
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
