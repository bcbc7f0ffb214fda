/** What of a PolicySource, its policies and its statuses is not as its last commit says. */
import { condition, isReady } from '../../cluster/world.ts';
import type { FoundSource } from '../../cluster/world.ts';
import type { StoredPolicy } from './cluster-watch.ts';
import type { Followed } from './followed.ts';
import type { Pushed } from './history.ts';
import { pendingPosts, shownOf } from './status-judge.ts';

const SHOWN = ['diff', 'enforced', 'sync', 'synth', 'violations'].map((topic) => `parapet/${topic}: success`);

export interface Found {
  readonly source: FoundSource & { readonly metadata: { readonly uid: string } };
  /** All that are in the namespace. */
  readonly policies: readonly StoredPolicy[];
}

/** As sentences; the last commit is a good one. */
export function differences({ name, writer, posts }: Followed, { source, policies }: Found): string[] {
  const { last, commits } = writer;
  if (last?.kind !== 'good') throw new Error('the last commit is none that can be carried out whole');
  const ours = policies.filter(({ metadata }) => metadata.labels?.['parapet.dev/source-name'] === name);
  return [
    ...differencesOfSource(name, source, last),
    ...[...last.policies.keys()]
      .filter((wanted) => !ours.some(({ metadata }) => metadata.name === wanted))
      .map((one) => `${one} is missing`),
    ...ours.flatMap((policy) => differencesOfPolicy(policy, { uid: source.metadata.uid, commits, last })),
    ...pendingPosts(posts()).map((post) => `it never ended: ${post}`),
    ...unlike(`the statuses of ${name}'s last commit`, shownOf(posts(), last.commit), SHOWN),
  ];
}

function differencesOfSource(name: string, source: FoundSource, last: Pushed): string[] {
  const { status } = source;
  const revision = `main@sha1:${last.commit}`;
  const { size } = last.policies;
  return [
    ...(isReady(source) ? [] : [`${name} is not ready: ${condition(source, 'Ready').message}`]),
    ...unlike(`the revision of ${name}`, [status?.lastAppliedRevision, status?.lastAttemptedRevision], [revision, revision]),
    ...unlike(
      `the counts of ${name}`,
      { ...status?.policies, pending: status?.policies?.pending ?? 0 },
      { total: size, enforced: size, degraded: 0, refused: 0, pending: 0 },
    ),
  ];
}

function differencesOfPolicy(
  { metadata, spec }: StoredPolicy,
  { uid, commits, last }: { readonly uid: string; readonly commits: readonly Pushed[]; readonly last: Pushed },
): string[] {
  const { name, annotations = {} } = metadata;
  const version = spec.process.matchPaths[0]?.path;
  const of = commits.find(({ commit }) => commit === annotations['parapet.dev/commit']);
  return [
    ...(last.policies.has(name) ? [] : [`${name} is still there`]),
    ...unlike(`what ${name} says`, version, last.policies.get(name)),
    // One that a commit left as it was is of the commit that changed it.
    ...unlike(`what ${name} says in the commit that it names`, of?.policies.get(name), version),
    ...unlike(`the owner of ${name}`, annotations['parapet.dev/owner'], `${uid}/KubeArmorPolicy/shop/${name}`),
  ];
}

function unlike(what: string, found: unknown, wanted: unknown): string[] {
  const [is, should] = [sorted(found), sorted(wanted)];
  return is === should ? [] : [`${what}: ${is}, not ${should}`];
}

function sorted(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return JSON.stringify(value) ?? 'nothing';
  return JSON.stringify(Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))));
}
