/** One look at a pull request: what its head would change in the cluster, and what it would have done to what was recorded. Changes nothing. */
import { refKey, WhatIf } from '@parapet/policy';
import type { ApiObject } from './api-object.ts';
import type { PlannedPolicy } from './delivery.ts';
import { diffOf } from './diff.ts';
import type { Diff } from './diff.ts';
import { recordOf } from './manifest.ts';
import { planCommit } from './plan-commit.ts';
import type { PlanParts, Synthesis } from './plan-commit.ts';
import type { Clock, Log, PullRequest } from './ports.ts';
import type { PullRequestReport } from './pull-request-comment.ts';
import type { StoredPolicies } from './stored-policies.ts';
import type { Telemetry } from './telemetry.ts';
import { changesOf, placesOf, whatIfSets } from './what-if-sets.ts';

/** Milliseconds of recorded telemetry that are replayed. */
const WINDOW = 86_400_000;

export interface LookParts {
  /** How a commit of the source is planned; nothing can be carried out with it. */
  readonly plan: Omit<PlanParts, 'progress'>;
  readonly stored: StoredPolicies;
  readonly telemetry: Telemetry | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** The PolicySource, `parapet-system/shop`. */
  readonly source: string;
  /** The cluster's name, where there are others that look at the same pull requests. */
  readonly cluster: string | undefined;
}

export type Look =
  | { readonly kind: 'looked'; readonly report: PullRequestReport }
  /** Its head is at another commit by now. */
  | { readonly kind: 'moved'; readonly to: string };

export interface LookCall {
  readonly signal: AbortSignal;
  /** Hears what became of the program before the rest is done. */
  readonly synthesized: (synthesis: Synthesis) => void;
}

/** Rejects with a StageError for the world's failure, and with the signal's reason when it is aborted. */
export async function lookAt(parts: LookParts, pullRequest: PullRequest, { signal, synthesized }: LookCall): Promise<Look> {
  const progress = { synthesized, planned: () => undefined };
  const { commit } = pullRequest;
  const plan = await planCommit({ ...parts.plan, progress }, { commit, pullRequest }, signal);
  if (plan.kind === 'moved') return plan;
  const { source, cluster } = parts;
  const report = { source, ...(cluster === undefined ? {} : { cluster }), commit, problems: plan.problems };
  if (plan.kind === 'refused') return { kind: 'looked', report };
  const { policies } = plan.revision;
  const changes = changesOf(policies);
  const stored = await parts.stored.list(placesOf(changes), signal);
  const whatIf = changes.length === 0 ? undefined : await replay(parts, { changes, stored }, signal);
  return { kind: 'looked', report: { ...report, diff: compare(policies, stored), ...(whatIf === undefined ? {} : { whatIf }) } };
}

function compare(policies: readonly PlannedPolicy[], stored: readonly ApiObject[]): Diff {
  const live = new Map(stored.map((object) => [keyOf(object), object]));
  return diffOf(policies.map((policy) => ({ policy, live: live.get(refKey(policy)) })));
}

function keyOf({ kind, metadata }: ApiObject): string {
  const { namespace, name } = recordOf(metadata);
  return refKey({ kind: String(kind), namespace: typeof namespace === 'string' ? namespace : '', name: String(name) });
}

interface Replayed {
  readonly changes: readonly PlannedPolicy[];
  readonly stored: readonly ApiObject[];
}

/** Without telemetry, or where it can't be read, there is none. */
async function replay(
  { telemetry, clock, log, plan, source }: LookParts,
  { changes, stored }: Replayed,
  signal: AbortSignal,
): Promise<PullRequestReport['whatIf']> {
  if (telemetry === undefined) return undefined;
  // Comments are read by more people than the cluster's records are.
  const whatIf = new WhatIf(await whatIfSets(changes, stored, () => plan.breathe()), { withArguments: false });
  const now = clock.now();
  const recorded = await telemetry.recorded(now - WINDOW, (reading) => void whatIf.addReading(reading), signal);
  if (recorded.kind === 'failed') {
    log({ level: 'warn', stage: 'pull-request', source, message: `${recorded.message}; the comment is without what-if` });
    return undefined;
  }
  const { from } = recorded;
  return { summary: whatIf.summary(), ...(from === undefined ? {} : { window: Math.max(0, now - from) }) };
}
