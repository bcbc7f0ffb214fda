/** More than anybody can hold: files, folders, names, depth, and what is small only as long as it is packed. */
import { randomBytes } from 'node:crypto';
import { byTree } from '../attempt.ts';
import type { Attempt, Expected, Family, Tree } from '../attempt.ts';
import { PLAIN } from '../programs.ts';
import type { Entry, HostileRepository } from '../repository.ts';

const MIB = 1024 * 1024;
const TOO_LARGE: Expected = { refused: 'repository-too-large' };

const many = (length: number, entry: (index: number) => Entry): readonly Entry[] => Array.from({ length }, (_, index) => entry(index));
const name = (index: number): string => String(index).padStart(6, '0');
const tree = (title: string, make: (repository: HostileRepository) => string, expected: Expected): Attempt =>
  byTree(title, (repository) => repository.commit(make(repository)), { expected });

/** The content of `inner` below a chain of folders. */
function below(repository: HostileRepository, inner: string, depth: number): string {
  let object = inner;
  for (let level = 0; level < depth; level += 1) object = repository.entries([{ mode: '40000', name: 'd', object }]);
  return object;
}

const files: Tree = { ...PLAIN, ...Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`f${index}.ts`, 'console.log(1);'])) };

export const sizes: Family = {
  title: 'space',
  attempts: () => [
    tree(
      'a tree that holds itself ten times on each of ten levels',
      (repository) => {
        let object = repository.tree({ file: 'x' });
        for (let level = 0; level < 10; level += 1)
          object = repository.entries(many(10, (index) => ({ mode: '40000', name: String(index), object })));
        return object;
      },
      TOO_LARGE,
    ),
    byTree(
      'a file that only its compression made small',
      { ...PLAIN, zeros: Buffer.alloc(24 * MIB) },
      { bounds: { bytes: 8 * MIB }, expected: TOO_LARGE },
    ),
    byTree(
      'many files',
      { ...PLAIN, ...Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`f/${index}`, ''])) },
      {
        bounds: { files: 200 },
        expected: TOO_LARGE,
      },
    ),
    tree(
      'a million folders for a thousand files',
      (repository) => {
        const deep = below(repository, repository.tree({ f: 'x' }), 1_000);
        return repository.entries(many(1_000, (index) => ({ mode: '40000', name: name(index), object: deep })));
      },
      { refused: 'repository-too-large', says: 'folders' },
    ),
    tree(
      'links and long paths, each to be compared with each',
      (repository) => {
        const deep = below(repository, repository.tree({ l: { link: 'f' }, f: 'x' }), 1_200);
        return repository.entries(many(2_000, (index) => ({ mode: '40000', name: name(index), object: deep })));
      },
      TOO_LARGE,
    ),
    tree('a tree that is deeper than any path may be long', (repository) => below(repository, repository.tree({ x: 'x' }), 3_000), {
      refused: 'repository-entry',
      says: 'its path is too long',
    }),
    tree(
      'a hundred thousand submodules',
      (repository) =>
        repository.entries([
          { mode: '100644', name: '.gitmodules', object: repository.blob('') },
          ...many(100_000, (index) => ({ mode: '160000', name: name(index), object: '1'.repeat(40) })),
        ]),
      { refused: 'no-program', count: 102 },
    ),
    tree(
      'a hundred thousand files that may not be',
      (repository) => {
        const object = repository.blob('x');
        return repository.entries([
          {
            mode: '40000',
            name: '.git',
            object: repository.entries(many(100_000, (index) => ({ mode: '100644', name: name(index), object }))),
          },
        ]);
      },
      { refused: 'repository-entry', count: 101 },
    ),
    byTree('more than a mirror may hold', { ...PLAIN, noise: randomBytes(6 * MIB) }, { bounds: { mirror: 4 * MIB }, expected: TOO_LARGE }),
    byTree(
      'as much as is taken',
      { ...PLAIN, ...Object.fromEntries(Array.from({ length: 6 }, (_, index) => [`f/${index}`, Buffer.alloc(10 * MIB, index)])) },
      {
        bounds: { bytes: 64 * MIB },
        expected: { made: [{ kind: 'KubeArmorPolicy' }] },
      },
    ),
    byTree(
      'a source file that is too large',
      { 'main.ts': `import text from './a.txt';\nconsole.log(text);\n`, 'a.txt': 'x'.repeat(3000) },
      {
        limits: { fileBytes: 2048 },
        expected: { refused: 'main.ts:1 import-refused', says: 'the file has 2.9 KiB, more than 2 KiB' },
      },
    ),
    byTree(
      'more source files than are taken',
      {
        ...files,
        'main.ts': Object.keys(files)
          .slice(1)
          .map((file) => `import './${file}';`)
          .join('\n'),
      },
      {
        limits: { files: 20 },
        expected: { refused: 'main.ts import-refused', says: 'more than 20 files are imported' },
      },
    ),
    byTree(
      'a bundle that is too large',
      { 'main.ts': `console.log('${'x'.repeat(3000)}');\n` },
      {
        limits: { bundleBytes: 100 },
        expected: { refused: 'bundle-failed', says: 'more than 100 bytes' },
      },
    ),
    byTree(
      'an ignore file that is too long',
      { ...PLAIN, '.parapetignore': 'x\n'.repeat(501) },
      {
        expected: { refused: '.parapetignore repository-entry', says: 'more than 500 lines or 16 KiB' },
      },
    ),
  ],
};
