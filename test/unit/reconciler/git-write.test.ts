import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { GitSourceOptions } from '../../../reconciler/src/adapters/git.ts';
import type { ExportedTree } from '../../../reconciler/src/ports.ts';
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
    const tree = await exported(commit, { treeLimits });
    expect(codes(tree)).toEqual(['error repository-too-large']);
    expect(existsSync(tree.directory)).toBe(false);
  }
});
