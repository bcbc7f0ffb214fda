/** Symbolic links: none leads out, whatever it is called and whoever would follow it. */
import { byTree } from '../attempt.ts';
import type { Attempt, Expected, Family, Tree } from '../attempt.ts';
import { left, PLAIN, reporting } from '../programs.ts';

const out = (place: string): Expected => ({ refused: `${place} repository-entry`, says: 'it leads out of the repository' });

const led = (title: string, links: Readonly<Record<string, string>>, expected: Expected): Attempt => {
  const tree: Tree = { ...PLAIN, ...Object.fromEntries(Object.entries(links).map(([path, link]) => [path, { link }])) };
  return byTree(title, tree, { expected });
};

export const links: Family = {
  title: 'links',
  attempts: ({ outside, beside }) => [
    led('an absolute link', { secret: '/etc/passwd' }, out('secret')),
    led('a relative link', { 'lib/secret.ts': `../${beside}/secret.ts` }, out('lib/secret.ts')),
    led('a link to a link', { 'a.ts': 'b.ts', 'b.ts': `${beside}/secret.ts` }, out('b.ts')),
    led('a link to a folder', { lib: outside }, out('lib')),
    led('a link to a folder, through a folder', { 'lib/up': '../..' }, out('lib/up')),
    led(
      'a link that goes down and up',
      { 'lib/a': 'b/../../../outside' },
      { refused: 'lib/a repository-entry', says: 'goes down and up again' },
    ),
    led('a link to what the process has', { 'env.txt': '/proc/self/environ' }, out('env.txt')),
    led('a package.json that is a link', { 'package.json': `${outside}/package.json` }, out('package.json')),
    led('a lock file that is a link', { 'package-lock.json': `${beside}/package.json` }, out('package-lock.json')),
    led('node_modules that is a link', { node_modules: `${outside}/node_modules` }, out('node_modules')),
    led('a package that is a link', { 'node_modules/house': `../${beside}` }, out('node_modules/house')),
    led('a cdk8s.yaml that is a link', { 'cdk8s.yaml': `${beside}/secret.txt` }, out('cdk8s.yaml')),
    led('a program that is a link', { 'index.ts': `${outside}/secret.ts`, 'main.ts': 'index.ts' }, out('index.ts')),
    led('a link without an end', { 'a.ts': 'b.ts', 'b.ts': 'a.ts', 'main.ts': 'a.ts' }, { refused: 'no-program' }),
    led('a link whose target is too long', { a: 'x'.repeat(5000) }, { refused: 'a repository-entry' }),
    led('a link with a zero byte', { a: `main.ts\0${outside}` }, { refused: 'a repository-entry', says: 'no path' }),
    led('an ignore file that is a link', { '.parapetignore': `${outside}/secret.txt` }, out('.parapetignore')),
    byTree(
      'a link that stays, which it may',
      {
        'main.ts': reporting('out.a = a;', `import a from './lib/a.ts';`),
        'lib/a.ts': { link: '../own.ts' },
        'own.ts': `export default 'own';\n`,
      },
      { expected: { made: left({ a: 'own' }) } },
    ),
    byTree(
      'a file below a link',
      (repository) => {
        const link = repository.blob(outside);
        const file = repository.blob('x');
        return repository.commit(
          repository.entries([
            { mode: '120000', name: 'd', object: link },
            { mode: '100644', name: 'd/made', object: file },
          ]),
        );
      },
      { expected: { refused: 'd/made repository-entry', says: 'it lies below a symbolic link' } },
    ),
    byTree(
      'a folder and a link of one name',
      (repository) => {
        const folder = repository.tree({ made: 'x' });
        return repository.commit(
          repository.entries([
            { mode: '120000', name: 'd', object: repository.blob(outside) },
            { mode: '40000', name: 'd', object: folder },
          ]),
        );
      },
      { expected: { refused: 'd/made repository-entry' } },
    ),
  ],
};
