/** One commit of a PolicySource on its way: planned, then delivered. Every way of delivery goes through here. */
import type { Problem } from '@parapet/policy';
import type { Delivery, PlannedPolicy, Revision } from './delivery.ts';
import { planPrepared, prepareCommit, withRefusals } from './plan-commit.ts';
import type { PlannedCommit, PlanParts, Prepared, StageProblems, Unusable } from './plan-commit.ts';
import type { Metrics } from './ports.ts';
import { countChange } from './revision.ts';
import { StageTimes } from './stage-times.ts';

export interface RunParts extends PlanParts {
  readonly delivery: Delivery;
}

/**
 * - `delivered`: everything that could be; `revision` says what became of each policy, which may be that it was refused.
 * - `refused`: the commit as a whole can't be used; nothing was changed.
 * - `moved`: the reference is at another commit by now.
 */
export type SourceRunResult = Delivered | Unusable;

export interface Delivered extends Omit<PlannedCommit, 'kind'> {
  readonly kind: 'delivered';
  /** For the next run of the same commit. */
  readonly prepared: Prepared;
}

/**
 * Carries out one commit, or `prepared` by an earlier run. Rejects with a StageError for the world's failure, and with the signal's reason when it is
 * aborted; whatever was done until then is right by itself, and the next run goes on from there.
 */
export async function runSource(parts: RunParts, commit: string | Prepared, signal: AbortSignal): Promise<SourceRunResult> {
  const prepared = typeof commit === 'string' ? await prepareCommit(parts, { commit }, signal) : commit;
  if (prepared.kind !== 'prepared') return prepared;
  const plan = await planPrepared(parts, prepared, signal);
  return { ...(await carryOut(parts, plan, signal)), prepared };
}

async function carryOut(parts: RunParts, plan: PlannedCommit, signal: AbortSignal): Promise<Omit<Delivered, 'prepared'>> {
  const times = new StageTimes(parts);
  const failed = await times.time('apply', () => parts.delivery.carryOut(plan.revision, signal));
  const policies = withRefusals(plan.revision.policies, failed, plan.existing);
  const revision: Revision = { ...plan.revision, policies };
  const late = [...failed.values()].flat();
  const byStage: StageProblems = { ...plan.byStage, server: [...plan.byStage.server, ...late] };
  tell(parts.metrics, policies, byStage.plan);
  const durations = { ...plan.durations, ...times.durations };
  return { ...plan, kind: 'delivered', revision, byStage, problems: [...plan.problems, ...late], durations };
}

function tell(metrics: Metrics, policies: readonly PlannedPolicy[], problems: readonly Problem[]): void {
  const drifted = policies.filter((policy) => policy.drifted === true);
  const corrected = countChange(drifted, 'changed');
  if (corrected > 0) metrics.drifted('corrected', corrected);
  if (drifted.length > corrected) metrics.drifted('reported', drifted.length - corrected);
  if (problems.some(({ code }) => code === 'prune-blocked' || code === 'empty-result')) metrics.pruneBlocked();
}
