/** The author's side: a bare repository made from an example, and a clone of it to commit and push from. */
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const IDENTITY = [
  '-c',
  'user.name=Demo Author',
  '-c',
  'user.email=author@example.test',
  '-c',
  'commit.gpgsign=false',
  '-c',
  'core.hooksPath=/dev/null',
];

export interface Repository {
  readonly url: string;
  readonly clone: string;
  /** Commits everything in the clone and pushes it; returns the commit. */
  push(message: string): string;
  /** Replaces text in a file of the clone; throws when it isn't there, because the story depends on it. */
  edit(file: string, from: string, to: string): void;
}

function git(directory: string, ...args: string[]): string {
  return execFileSync('git', [...IDENTITY, ...args], { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/** Makes `workspace/policies.git` (bare, branch `main`) with a clone beside it that holds the files of `example`, not yet committed. */
export function makeRepository(workspace: string, example: string): Repository {
  git(workspace, 'init', '--quiet', '--bare', '--initial-branch=main', 'policies.git');
  const bare = join(workspace, 'policies.git');
  const clone = join(workspace, 'author');
  git(workspace, 'init', '--quiet', '--initial-branch=main', clone);
  git(clone, 'remote', 'add', 'origin', bare);
  cpSync(example, clone, { recursive: true, filter: (source) => !source.includes('node_modules') });
  return {
    url: pathToFileURL(bare).href,
    clone,
    push(message) {
      git(clone, 'add', '--all');
      git(clone, 'commit', '--quiet', '--message', message);
      git(clone, 'push', '--quiet', 'origin', 'main');
      return git(clone, 'rev-parse', 'HEAD');
    },
    edit(file, from, to) {
      const text = readFileSync(join(clone, file), 'utf8');
      if (!text.includes(from)) throw new Error(`${file} no longer holds ${JSON.stringify(from)}`);
      writeFileSync(join(clone, file), text.replace(from, to));
    },
  };
}
