import { existsSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
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

const exported = (commit: string): Promise<ExportedTree> => exportedBy(sourceOf(repository), commit);

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
