/** The source of commits as the tests of it want it. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { GitSource } from '../../../reconciler/src/adapters/git.ts';
import type { GitSourceOptions } from '../../../reconciler/src/adapters/git.ts';
import type { ExportedTree } from '../../../reconciler/src/ports.ts';
import type { Repository } from './repositories.ts';

/** All of the repository's default branch, unless told. */
export function sourceOf(repository: Repository, options: Partial<GitSourceOptions> = {}): GitSource {
  return new GitSource({
    url: repository.url,
    ref: { kind: 'default' },
    path: '.',
    directory: join(repository.home, 'store'),
    environment: { PATH: process.env['PATH'] ?? '' },
    credentials: () => undefined,
    ...options,
  });
}

/** The commit's files; fails when the reference is elsewhere by now. */
export async function exportedBy(source: GitSource, commit: string): Promise<ExportedTree> {
  const tree = await source.export(commit, new AbortController().signal);
  if ('moved' in tree) throw new Error(`moved to ${tree.moved}`);
  return tree;
}

export const codes = (tree: { readonly problems: ExportedTree['problems'] }): string[] =>
  tree.problems.map(({ code, severity }) => `${severity} ${code}`);

export const files = (directory: string): string[] => (readdirSync(directory, { recursive: true }) as string[]).sort();
