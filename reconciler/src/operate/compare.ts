/** What a program would change in the cluster as a source's commit, without changing anything. */
import { setImmediate as breathe } from 'node:timers/promises';
import { refKey } from '@parapet/policy';
import type { Problem } from '@parapet/policy';
import type { PlannedPolicy } from '../delivery.ts';
import { diffOf } from '../diff.ts';
import type { Compared, Diff } from '../diff.ts';
import { Judge } from '../judge.ts';
import { recordOf } from '../manifest.ts';
import { NO_METRICS } from '../no-metrics.ts';
import { claim } from '../ownership.ts';
import { planCommit } from '../plan-commit.ts';
import type { CommitPlan } from '../plan-commit.ts';
import type { ExportedTree, Synthesizer } from '../ports.ts';
import { readSourceObject } from '../source-object.ts';
import { gateOf, rulesOf } from '../source-rules.ts';
import type { SourceSpec } from '../source-spec.ts';
import type { Comparison, OperatedCluster } from './ports.ts';
import type { SourceView } from './source-view.ts';

/** - `refused`: the program as a whole, or the source itself, can't be used; there is nothing to compare. */
export type SourceDiff =
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }
  | {
      readonly kind: 'compared';
      readonly diff: Diff;
      readonly changes: boolean;
      readonly problems: readonly Problem[];
      /** Rights without which the server was not asked about some policies. */
      readonly untried: readonly string[];
    };

export interface Candidate {
  /** The files. Gives problems instead of rejecting where they can't be had. */
  open(spec: SourceSpec, signal: AbortSignal): Promise<ExportedTree | { readonly moved: string }>;
  /** Full hash; of files that are no commit yet, zeros. */
  readonly commit: string;
  /** Whether it may remove more than the limit. */
  readonly pruneConfirmed: boolean;
  /** Whether the server is asked about each policy. */
  readonly tries: boolean;
}

export interface CompareParts {
  readonly cluster: OperatedCluster;
  readonly synthesizer: Synthesizer;
}

/** Rejects with a StageError for the world's failure. */
export async function compareSource(parts: CompareParts, source: SourceView, candidate: Candidate): Promise<SourceDiff> {
  const { spec, problems } = readSourceObject(source.object);
  if (spec === undefined) return { kind: 'refused', problems };
  // What others write for us they own: only our own writing is held up by owners.
  const force = spec.force || spec.delivery.mode !== 'Direct';
  const comparison = parts.cluster.compare(source, { force, tries: candidate.tries });
  const plan = await planned({ ...parts, source, spec, comparison }, candidate);
  if (plan.kind === 'moved') throw new Error(`a commit by its hash has become ${plan.to}`);
  if (plan.kind === 'refused') return { kind: 'refused', problems: plan.problems };
  const { policies } = plan.revision;
  const changes = policies.some(({ change }) => change === 'added' || change === 'changed' || change === 'removed');
  const diff = diffOf(policies.map((policy) => comparedWith(policy, comparison)));
  return { kind: 'compared', diff, changes, problems: plan.problems, untried: [...comparison.untried] };
}

interface Planning extends CompareParts {
  readonly source: SourceView;
  readonly spec: SourceSpec;
  readonly comparison: Comparison;
}

function planned({ synthesizer, source, spec, comparison }: Planning, candidate: Candidate): Promise<CommitPlan> {
  const { commit, pruneConfirmed } = candidate;
  const tree = {
    url: spec.url,
    resolve: () => Promise.resolve({ commit, revision: `sha1:${commit}` }),
    export: (_commit: string, signal: AbortSignal) => candidate.open(spec, signal),
    pullRequests: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
  return planCommit(
    {
      source: tree,
      synthesizer,
      judge: new Judge(),
      delivery: comparison,
      metrics: NO_METRICS,
      claim: (manifest, ref) => claim(manifest, ref, { source, repository: spec.url, commit }),
      gate: gateOf(spec),
      rules: rulesOf(spec, pruneConfirmed),
      breathe: () => breathe(),
      now: () => performance.now(),
    },
    { commit },
    new AbortController().signal,
  );
}

/** What the server would store says more than what it is sent: fields of others stay. */
function comparedWith(policy: PlannedPolicy, comparison: Comparison): Compared {
  const key = refKey(policy);
  const [live, tried] = [comparison.live(key), comparison.tried(key)];
  if (policy.desired === undefined || tried === undefined) return { policy, live };
  return { policy: { ...policy, desired: { ...policy.desired, manifest: recordOf(tried) } }, live };
}
