/** One commit of a PolicySource on its way: fetch, synthesize, judge each policy, plan, try out, deliver. Every way of delivery goes through here. */
import { refKey } from '@parapet/policy';
import type { PolicyRef, Problem } from '@parapet/policy';
import type { Delivery, Desired, PlannedPolicy, Refusals, Revision } from './delivery.ts';
import type { GateRules } from './gate.ts';
import type { Judge, Judged } from './judge.ts';
import type { ExportedTree, Metrics, Source, Synthesizer, TimedStage } from './ports.ts';
import { countChange, planRevision } from './revision.ts';
import type { RevisionRules } from './revision.ts';
import { hasErrors, synthesize } from './synthesize.ts';

export interface RunParts {
  readonly source: Source;
  readonly synthesizer: Synthesizer;
  readonly judge: Judge;
  readonly delivery: Delivery;
  readonly metrics: Metrics;
  /** The manifest of a policy as it is stored. */
  claim(manifest: unknown, ref: PolicyRef): Readonly<Record<string, unknown>>;
  readonly gate: GateRules;
  readonly rules: RevisionRules;
  /** Lets other work go on. */
  breathe(): Promise<void>;
  /** Milliseconds, for measuring only. */
  now(): number;
}

/**
 * - `delivered`: everything that could be; `revision` says what became of each policy, which may be that it was refused.
 * - `refused`: the commit as a whole can't be used; nothing was changed.
 * - `moved`: the reference is at another commit by now.
 */
export type SourceRunResult =
  | { readonly kind: 'delivered'; readonly revision: Revision; readonly problems: readonly Problem[] }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }
  | { readonly kind: 'moved'; readonly to: string };

/**
 * Carries out one commit. Rejects with a StageError for the world's failure, and with the signal's reason when it is aborted; whatever was
 * done until then is right by itself, and the next run goes on from there.
 */
export async function runSource(parts: RunParts, commit: string, signal: AbortSignal): Promise<SourceRunResult> {
  const tree = await timed(parts, 'fetch', () => parts.source.export(commit, signal));
  if ('moved' in tree) return { kind: 'moved', to: tree.moved };
  try {
    return await throughStages(parts, { commit, tree }, signal);
  } finally {
    await tree.dispose();
  }
}

interface Fetched {
  readonly commit: string;
  readonly tree: ExportedTree;
}

async function throughStages(parts: RunParts, { commit, tree }: Fetched, signal: AbortSignal): Promise<SourceRunResult> {
  if (hasErrors(tree.problems)) return { kind: 'refused', problems: tree.problems };
  const made = await synthesize(parts.synthesizer, tree.directory, signal);
  parts.metrics.stageEnded('synth_bundle', made.bundleMs);
  parts.metrics.stageEnded('synth_run', made.runMs);
  const problems = [...tree.problems, ...made.problems];
  if (hasErrors(problems)) return { kind: 'refused', problems };
  const judged = await timed(parts, 'check', () => parts.judge.judge(made.manifests, parts.gate, () => parts.breathe()));
  signal.throwIfAborted();
  const wanted = desiredOf(judged, parts);
  const existing = await parts.delivery.survey([...wanted.values()], signal);
  const plan = await timed(parts, 'plan', () => Promise.resolve(planRevision({ judged, desired: wanted, existing, rules: parts.rules })));
  const changing = plan.policies.filter(({ change }) => change === 'added' || change === 'changed');
  const refusals = await timed(parts, 'dry_run', () => parts.delivery.tryOut(changing, signal));
  const there = new Set(existing.filter(({ owner }) => owner === 'ours').map(refKey));
  const tried: Revision = {
    repository: parts.source.url,
    commit,
    digest: made.digest,
    policies: withRefusals(plan.policies, { refusals, there }),
  };
  const failed = await timed(parts, 'apply', () => parts.delivery.carryOut(tried, signal));
  const revision = { ...tried, policies: withRefusals(tried.policies, { refusals: failed, there }) };
  const nameless = judged.filter(({ ref }) => ref === undefined).flatMap((one) => one.problems);
  tell(parts, revision, plan.problems);
  const all = [...problems, ...plan.problems, ...nameless, ...revision.policies.flatMap((policy) => policy.problems)];
  return { kind: 'delivered', revision, problems: all };
}

function desiredOf(judged: readonly Judged[], parts: RunParts): ReadonlyMap<string, Desired> {
  const wanted = new Map<string, Desired>();
  for (const { ref, accepted, value, fingerprint, rules } of judged) {
    if (ref === undefined || !accepted || wanted.has(refKey(ref))) continue;
    wanted.set(refKey(ref), { ...ref, manifest: parts.claim(value, ref), fingerprint, rules });
  }
  return wanted;
}

/** What the server would not take stays at its last good version, or is not there at all. */
function withRefusals(
  policies: readonly PlannedPolicy[],
  { refusals, there }: { readonly refusals: Refusals; readonly there: ReadonlySet<string> },
): readonly PlannedPolicy[] {
  return policies.map((policy) => {
    const problems = refusals.get(refKey(policy));
    if (problems === undefined) return policy;
    const { kind, namespace, name } = policy;
    const change = policy.change === 'removed' ? 'left' : there.has(refKey(policy)) ? 'kept' : 'refused';
    return { kind, namespace, name, change, problems: [...policy.problems, ...problems] };
  });
}

function tell(parts: RunParts, { policies }: Revision, problems: readonly Problem[]): void {
  const drifted = policies.filter((policy) => policy.drifted === true);
  const corrected = countChange(drifted, 'changed');
  if (corrected > 0) parts.metrics.drifted('corrected', corrected);
  if (drifted.length > corrected) parts.metrics.drifted('reported', drifted.length - corrected);
  if (problems.some(({ code }) => code === 'prune-blocked' || code === 'empty-result')) parts.metrics.pruneBlocked();
}

async function timed<T>(parts: RunParts, stage: TimedStage, work: () => Promise<T>): Promise<T> {
  const started = parts.now();
  try {
    return await work();
  } finally {
    parts.metrics.stageEnded(stage, parts.now() - started);
  }
}
