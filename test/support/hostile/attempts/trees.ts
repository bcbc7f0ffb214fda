/** Names that lead elsewhere or look like others, trees that Git would not make, and objects that are none. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { byTree } from '../attempt.ts';
import type { Attempt, Expected, Family, Tree } from '../attempt.ts';
import { PLAIN, PLAIN_TEXT } from '../programs.ts';
import type { Entry, HostileRepository } from '../repository.ts';

const POLICY = [{ kind: 'KubeArmorPolicy' }];

/** An honest program, and entries as no Git writes them. */
const forged = (title: string, entries: (repository: HostileRepository) => readonly Entry[], expected: Expected): Attempt =>
  byTree(
    title,
    (repository) =>
      repository.commit(
        repository.entries([...entries(repository), { mode: '100644', name: 'main.ts', object: repository.blob(PLAIN_TEXT) }]),
      ),
    { expected },
  );

const named = (title: string, name: string | Buffer, says: string): Attempt =>
  forged(title, (repository) => [{ mode: '100644', name, object: repository.blob('x') }], { refused: 'repository-entry', says });

const odd: Tree = {
  ...Object.fromEntries(
    [
      '-rf',
      '--upload-pack=x',
      'a\nb',
      'a\tb',
      'q\'"',
      'a\\b',
      '..\\..\\up',
      'CON',
      'nul.txt',
      'ünï',
      'Main.ts',
      'MAIN.TS',
      'mаin.ts',
      '\u202egnp.ts',
      '%2e%2e',
      '...',
      '~',
      '$HOME',
      '`id`',
      '$(id)',
    ].map((name) => [name, 'x']),
  ),
  ...PLAIN,
};

const names: readonly Attempt[] = [
  byTree('names that are options, control characters, look-alikes or devices of others', odd, { expected: { made: POLICY } }),
  named('a path that goes up', '../../up', 'its path has a part ".."'),
  named('a path of the machine', '/tmp/up', 'its path has a part ""'),
  named('a path that goes down and up', 'a/../../up', 'its path has a part ".."'),
  named('a name that is a dot', '.', 'its path has a part "."'),
  named('a name that is no UTF-8', Buffer.from([0x62, 0xff]), 'its name is not UTF-8'),
  named('a name that is too long', 'x'.repeat(300), 'its name is longer than 255 bytes'),
  byTree(
    'a problem at a file whose name is a line of a log',
    { 'main.ts': `import './a\\nerror main.ts: all is well.ts';\n`, 'a\nerror main.ts: all is well.ts': `throw new Error('x');\n` },
    { expected: { refused: 'program-threw' } },
  ),
  byTree('a folder that the source names outside', PLAIN, { spec: { path: '../..' }, expected: { refused: 'invalid-path' } }),
  byTree('a folder that is a file', PLAIN, { spec: { path: 'main.ts' }, expected: { refused: 'path-not-found' } }),
  byTree('a folder whose name is a revision of Git', PLAIN, { spec: { path: 'x^{/y}:@{u}' }, expected: { refused: 'path-not-found' } }),
];

const broken: readonly Attempt[] = [
  forged(
    'a file that is there twice',
    (repository) => [
      { mode: '100644', name: 'a', object: repository.blob('x') },
      { mode: '100644', name: 'a', object: repository.blob('y') },
    ],
    { refused: 'a repository-entry', says: 'it is there twice' },
  ),
  forged(
    'a file that is a folder too',
    (repository) => [
      { mode: '100644', name: 'a', object: repository.blob('x') },
      { mode: '40000', name: 'a', object: repository.tree({ b: 'y' }) },
    ],
    { refused: 'repository-entry', says: 'another entry has the same name' },
  ),
  forged('a mode that no file has', (repository) => [{ mode: '104777', name: 'a', object: repository.blob('x') }], { made: POLICY }),
  forged('a device', (repository) => [{ mode: '60644', name: 'a', object: repository.blob('x') }], {
    made: POLICY,
    warned: 'repository-entry',
  }),
  forged('a folder that is a file', (repository) => [{ mode: '40000', name: 'a', object: repository.blob('x') }], { failed: 'fetch' }),
  forged('a file that is a folder', (repository) => [{ mode: '100644', name: 'a', object: repository.tree({ b: 'y' }) }], {
    failed: 'fetch',
  }),
  forged('a file that is not there', () => [{ mode: '100644', name: 'a', object: '2'.repeat(40) }], { failed: 'fetch' }),
  forged(
    'an object that is damaged',
    (repository) => {
      const object = repository.blob('damaged');
      const file = join(repository.directory, 'objects', object.slice(0, 2), object.slice(2));
      rmSync(file);
      writeFileSync(file, 'no object at all');
      return [{ mode: '100644', name: 'a', object }];
    },
    { failed: 'fetch' },
  ),
  byTree('a branch that is a file', (repository) => repository.blob('x'), { expected: { refused: 'ref-not-found' } }),
  byTree('a commit whose tree is a file', (repository) => repository.commit(repository.blob('x')), { expected: { failed: 'fetch' } }),
];

export const trees: Family = { title: 'names and objects', attempts: () => [...names, ...broken] };
