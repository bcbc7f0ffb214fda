/** Wires what people operate sources with. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { GitSource } from '../adapters/git.ts';
import { Connection } from '../adapters/kubernetes/connection.ts';
import type { ClusterChoice } from '../adapters/kubernetes/kubeconfig.ts';
import { USER_FIELD_MANAGER, UserCluster } from '../adapters/kubernetes/user-cluster.ts';
import { createSynthesizer } from '../adapters/synth/index.ts';
import { gitEnvironment } from '../config.ts';
import type { Environment } from '../config.ts';
import { DEFAULT_NAMESPACE } from '../install/part.ts';
import type { Clock } from '../ports.ts';
import { compareSource } from './compare.ts';
import type { SourceDiff } from './compare.ts';
import type { OperatedCluster } from './ports.ts';
import { putBackBy as managersOf } from './request.ts';
import type { SourceView } from './source-view.ts';

export { diffText, prunePreview, pruneText } from '../diff.ts';
export { findSource, listSources } from './find.ts';
export { policiesMade } from './policy-tree.ts';
export { requestRun, resume, suspend } from './request.ts';

export interface ClusterAccess extends ClusterChoice {
  readonly namespace?: string | undefined;
}

/** Connects when it is first asked something. Throws a StageError when there is no usable configuration. */
export function openCluster({ namespace, ...choice }: ClusterAccess): OperatedCluster {
  const connection = new Connection(choice);
  return new UserCluster(connection, namespace ?? connection.namespace ?? DEFAULT_NAMESPACE);
}

export const wallClock: Clock = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }).catch(() => undefined),
};

/** The tools that may undo what people say in `spec.suspend`. */
export function putBackBy(source: SourceView): readonly string[] {
  return managersOf(source, USER_FIELD_MANAGER);
}

/** Packages that ship with Parapet to their folders: see `createSynthesizer`. */
export type Library = Readonly<Record<string, string>>;

interface Packages {
  readonly library: Library;
  /** Path of the package store: see `createSynthesizer`. */
  readonly packages?: string | undefined;
}

/** What the program in `directory` would change, were it the source's newest commit. */
export async function diffFolder(
  cluster: OperatedCluster,
  source: SourceView,
  { directory, library, packages }: { readonly directory: string } & Packages,
): Promise<SourceDiff> {
  const synthesizer = createSynthesizer({ library: { modules: library }, packages });
  return compareSource({ cluster, synthesizer }, source, {
    open: () => Promise.resolve({ directory: resolve(directory), problems: [], dispose: () => Promise.resolve() }),
    commit: '0'.repeat(40),
    pruneConfirmed: false,
    tries: true,
  });
}

export interface CloneCommit extends Packages {
  /** A clone of the source's repository that has the commit. */
  readonly clone: string;
  /** Full hash. */
  readonly commit: string;
  readonly environment: Environment;
}

/** What a commit would change once it may remove as much as it wants. It is taken from the clone as the reconciler takes it from the repository. */
export async function diffConfirmed(cluster: OperatedCluster, source: SourceView, wanted: CloneCommit): Promise<SourceDiff> {
  const { clone, commit, library, packages, environment } = wanted;
  const synthesizer = createSynthesizer({ library: { modules: library }, packages });
  const scratch = await fs.mkdtemp(join(tmpdir(), 'parapet-confirm-'));
  const opened: GitSource[] = [];
  try {
    return await compareSource({ cluster, synthesizer }, source, {
      open: async ({ path, ignore }, signal) => {
        const git = new GitSource({
          url: pathToFileURL(resolve(clone)).href,
          ref: { kind: 'commit', value: commit },
          path,
          directory: scratch,
          environment: gitEnvironment(environment),
          credentials: () => undefined,
          ...(ignore === undefined ? {} : { ignore }),
        });
        opened.push(git);
        return git.export(commit, signal);
      },
      commit,
      pruneConfirmed: true,
      tries: false,
    });
  } finally {
    await Promise.all(opened.map(async (git) => git.close()));
    await fs.rm(scratch, { recursive: true, force: true });
  }
}
