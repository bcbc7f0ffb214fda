/** What Git itself would do for a repository: submodules, hooks, filters, large files elsewhere, configuration, borrowed and replaced objects. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { byTree } from '../attempt.ts';
import type { Family } from '../attempt.ts';
import { PLAIN, PLAIN_TEXT } from '../programs.ts';
import { HostileRepository } from '../repository.ts';

const HOOKS = [
  'post-checkout',
  'post-update',
  'pre-receive',
  'reference-transaction',
  'pre-auto-gc',
  'fsmonitor-watchman',
  'post-index-change',
];
const POLICY = [{ kind: 'KubeArmorPolicy' }];
const OTHER = '1'.repeat(40);

/** Writes scripts that leave a mark into the repository's hooks, and makes its configuration name them. */
function armed(repository: HostileRepository, script: string): void {
  const hooks = join(repository.directory, 'hooks');
  mkdirSync(hooks, { recursive: true });
  for (const hook of HOOKS) {
    writeFileSync(join(hooks, hook), script);
    chmodSync(join(hooks, hook), 0o755);
  }
  const hook = join(hooks, 'post-update');
  const config = `[core]
\trepositoryformatversion = 0
\tbare = true
\tfsmonitor = ${hook}
\tsshCommand = ${hook}
\tgitProxy = ${hook}
\talternateRefsCommand = ${hook}
\thooksPath = ${hooks}
[uploadpack]
\tpackObjectsHook = ${hook}
\tallowFilter = true
[credential]
\thelper = "!${hook}"
`;
  writeFileSync(join(repository.directory, 'config'), config);
}

export const git: Family = {
  title: 'what Git does for repositories',
  attempts: ({ outside, home, port }) => {
    const script = `#!/bin/sh\ntouch ${outside}/made\n`;
    const modules = (url: string): string => `[submodule "x"]\n\tpath = x\n\turl = ${url}\n\tupdate = !touch ${outside}/made\n`;
    const submodule = (title: string, url: string) =>
      byTree(
        title,
        { ...PLAIN, '.gitmodules': modules(url), x: { submodule: OTHER } },
        { expected: { made: POLICY, warned: 'repository-entry' } },
      );
    return [
      submodule('a submodule that is a command', `ext::sh -c touch% ${outside}/made`),
      submodule('a submodule on this machine', `file://${outside}`),
      submodule('a submodule elsewhere', `http://127.0.0.1:${port}/x.git`),
      submodule('a submodule whose address is an option', `-u./evil`),
      byTree(
        'a .gitmodules that leads nowhere and out',
        { ...PLAIN, '.gitmodules': modules(`../../outside`).replace('path = x', 'path = ../../x') },
        {
          expected: { made: POLICY },
        },
      ),
      byTree(
        'filters and attributes',
        {
          ...PLAIN,
          '.gitattributes': '* filter=evil ident export-subst eol=crlf working-tree-encoding=UTF-16\n',
          '.gitconfig': `[filter "evil"]\n\tsmudge = touch ${outside}/made\n`,
        },
        { expected: { made: POLICY } },
      ),
      byTree(
        'large files that are elsewhere',
        {
          ...PLAIN,
          'model.bin': `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`,
          '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
          '.lfsconfig': `[lfs]\n\turl = http://127.0.0.1:${port}/lfs\n`,
        },
        { expected: { made: POLICY, warned: 'repository-entry' } },
      ),
      byTree(
        'hooks in its tree',
        { ...PLAIN, 'hooks/post-checkout': script, '.husky/post-checkout': script, '.githooks/post-checkout': script },
        {
          expected: { made: POLICY },
        },
      ),
      byTree(
        'executable files',
        (repository) =>
          repository.commit(
            repository.entries([
              { mode: '100755', name: 'main.ts', object: repository.blob(PLAIN_TEXT) },
              { mode: '100755', name: 'post-checkout', object: repository.blob(script) },
            ]),
          ),
        { expected: { made: POLICY } },
      ),
      ...['.git', '.GIT', '.Git'].map((name) =>
        byTree(
          `a folder called ${name}`,
          { ...PLAIN, [`${name}/config`]: `[core]\n\tfsmonitor = touch ${outside}/made\n` },
          {
            expected: { refused: `${name}/config repository-entry`, says: 'its path has a part called .git' },
          },
        ),
      ),
      byTree(
        'replaced objects',
        (repository) => {
          const evil = repository.commit(repository.tree({ 'main.ts': `throw new Error('replaced');` }));
          const commit = repository.commit(repository.tree({ ...PLAIN, replaced: 'no' }));
          repository.refer(`refs/replace/${commit}`, evil);
          return commit;
        },
        { expected: { made: POLICY } },
      ),
      byTree(
        'hooks and configuration of its own',
        (repository) => {
          armed(repository, script);
          return repository.commit(repository.tree({ ...PLAIN, armed: 'yes' }));
        },
        { expected: { made: POLICY } },
      ),
      byTree(
        'an object that it lacks, and says how to get',
        (repository) => {
          const command = `sh -c 'touch ${outside}/made'`;
          const promised = `[extensions]\n\tpartialClone = evil\n[remote "evil"]\n\tpromisor = true\n\turl = file://${home}\n\tuploadpack = ${command}\n`;
          writeFileSync(join(repository.directory, 'config'), `[core]\n\trepositoryformatversion = 1\n\tbare = true\n${promised}`);
          return repository.commit(repository.entries([{ mode: '100644', name: 'main.ts', object: OTHER }]));
        },
        { expected: { failed: 'fetch' } },
      ),
      byTree(
        'objects of another repository, which it borrows',
        (repository) => {
          writeFileSync(join(repository.directory, 'config'), '[core]\n\trepositoryformatversion = 0\n\tbare = true\n');
          rmSync(join(repository.directory, 'hooks'), { recursive: true, force: true });
          const other = new HostileRepository(join(home, 'repository/other.git'));
          writeFileSync(join(repository.directory, 'objects/info/alternates'), `${join(other.directory, 'objects')}\n`);
          return repository.commit(other.tree({ ...PLAIN, borrowed: 'yes' }));
        },
        { expected: { made: POLICY } },
      ),
    ];
  },
};
