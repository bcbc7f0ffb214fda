/** A PolicySource that is deleted: what it made goes or stays, as its spec says, and then the object goes. */
import { refKey } from '@parapet/policy';
import type { Problem } from '@parapet/policy';
import type { Delivery, PlannedPolicy } from './delivery.ts';
import { describeProblems } from './describe.ts';
import { sourceName } from './source-loop-parts.ts';
import type { LoopParts, SourceObject } from './source-loop-parts.ts';
import type { SourceSpec } from './source-spec.ts';
import { StageError } from './stage-error.ts';
import type { Stage } from './stage-error.ts';

/** Why it can't go (yet); `undefined` when it goes. Never rejects but for a bug. */
export async function endSource(
  { identity, spec }: { readonly identity: SourceObject['identity']; readonly spec: SourceSpec | undefined },
  parts: Pick<LoopParts, 'log' | 'setFinalizer' | 'withdraw'>,
  signal: AbortSignal,
): Promise<{ readonly stage: Stage; readonly message: string } | undefined> {
  const source = sourceName(identity);
  try {
    const problems = spec !== undefined && takesAlong(spec) ? await parts.withdraw(spec, signal) : [];
    if (problems.length > 0) throw new StageError('target', describeProblems(problems));
    const left = spec === undefined ? '; its spec can not be read, so what it made stays in force' : '';
    parts.log({ level: 'info', stage: 'target', source, message: `the PolicySource is deleted${left}` });
    await parts.setFinalizer(identity, false, signal);
    return undefined;
  } catch (error) {
    if (!(error instanceof StageError) && !signal.aborted) throw error;
    const { stage, message: why } = error instanceof StageError ? error : { stage: 'target' as const, message: 'it was stopped' };
    const message = `its policies can't be removed, so it stays: ${why}; to leave them in force set spec.deletionPolicy: Orphan`;
    if (!signal.aborted) parts.log({ level: 'error', stage, source, message });
    return { stage, message };
  }
}

/** Whether what the source made goes with it. */
function takesAlong({ deletionPolicy, prune }: SourceSpec): boolean {
  return deletionPolicy === 'Delete' || (deletionPolicy === 'MirrorPrune' && prune);
}

/** Takes back everything that is ours; the problems are about what could not be. Rejects as the delivery does. */
export async function withdrawAll(delivery: Delivery, repository: string, signal: AbortSignal): Promise<readonly Problem[]> {
  const existing = await delivery.survey([], signal);
  const policies = existing
    .filter(({ owner }) => owner === 'ours')
    .map(({ kind, namespace, name }): PlannedPolicy => ({ kind, namespace, name, change: 'removed', problems: [] }))
    .sort((a, b) => (refKey(a) < refKey(b) ? -1 : 1));
  if (policies.length === 0) return [];
  const refusals = await delivery.carryOut({ repository, commit: '', digest: '', policies }, signal);
  return [...refusals.values()].flat();
}
