/** A rendered branch as the tests of it want it, and what is on it. */
import { join } from 'node:path';
import { RenderedBranch } from '../../../reconciler/src/adapters/rendered-branch.ts';
import type { RenderedBranchOptions } from '../../../reconciler/src/adapters/rendered-branch.ts';
import { OWNER } from './deliveries.ts';
import type { Repository } from './repositories.ts';

/** The folder `policies` of the branch `rendered`, unless told; state in `NAME` of the repository's home. */
export function branchOf(repository: Repository, options: Partial<RenderedBranchOptions> = {}, name = 'rendered-store'): RenderedBranch {
  return new RenderedBranch({
    url: repository.url,
    branch: 'rendered',
    path: 'policies',
    owner: OWNER.owner,
    programPath: OWNER.path,
    directory: join(repository.home, name),
    environment: { PATH: process.env['PATH'] ?? '' },
    credentials: () => undefined,
    committedAt: () => Promise.resolve(1_700_000_000),
    ...options,
  });
}

/** Paths to texts of a commit. */
export function treeOf(repository: Repository, commit: string): Record<string, string> {
  const paths = repository.git(['ls-tree', '-r', '-z', '--name-only', commit], repository.bare).split('\0');
  return Object.fromEntries(
    paths.filter((path) => path !== '').map((path) => [path, repository.git(['cat-file', 'blob', `${commit}:${path}`], repository.bare)]),
  );
}

/** The branch's commits, oldest first. */
export function commitsOf(repository: Repository, branch = 'rendered'): string[] {
  return repository.git(['rev-list', '--reverse', branch], repository.bare).split('\n');
}
