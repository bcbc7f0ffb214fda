/** One commit up to the point where something would be changed: fetch, synthesize, judge each policy, plan, try out. */
import { refKey } from '@parapet/policy';
import type { PolicyRef, Problem } from '@parapet/policy';
import type { Delivery, Desired, Existing, PlannedPolicy, Refusals, Revision } from './delivery.ts';
import type { GateRules } from './gate.ts';
import type { Judge, Judged } from './judge.ts';
import type { ExportedTree, PullRequest, Source, Synthesizer } from './ports.ts';
import { planRevision } from './revision.ts';
import type { RevisionRules } from './revision.ts';
import { StageTimes } from './stage-times.ts';
import type { Durations, Timing } from './stage-times.ts';
import { hasErrors, synthesize } from './synthesize.ts';

export interface PlanParts extends Timing {
  readonly source: Source;
  readonly synthesizer: Synthesizer;
  readonly judge: Judge;
  readonly delivery: Pick<Delivery, 'survey' | 'tryOut'>;
  /** The manifest of a policy as it is stored. */
  claim(manifest: unknown, ref: PolicyRef, commit: string): Readonly<Record<string, unknown>>;
  readonly gate: GateRules;
  readonly rules: RevisionRules;
  /** Lets other work go on. */
  breathe(): Promise<void>;
  readonly progress?: Progress;
}

/** Hears how far a commit is. What it throws ends the run. */
export interface Progress {
  /** Its program was run and each manifest judged, or it is refused as a whole: `parapet/synth` can be said. */
  synthesized(synthesis: Synthesis): void;
  /** It is planned and tried out, and nothing is changed yet: `parapet/diff` can be said. */
  planned(plan: PlannedCommit): void;
}

/** What became of the program and of what it made. */
export interface Synthesis {
  /** SHA-256 (hex) of the manifests; absent where the commit is refused. */
  readonly digest?: string;
  /** How many manifests there are. */
  readonly manifests: number;
  /** How many rules those have that are accepted. */
  readonly rules: number;
  readonly problems: Pick<StageProblems, 'synth' | 'policies'>;
}

/** Warnings too. */
export interface StageProblems {
  /** Of the commit's files and of its program: with an error in it the commit is refused. */
  readonly synth: readonly Problem[];
  /** Of single manifests: what the gate, the parser and the compiler say. */
  readonly policies: readonly Problem[];
  /** Of what is there already: whose it is, that somebody changed it, why nothing is removed. */
  readonly plan: readonly Problem[];
  /** What the server would not take, policy by policy. */
  readonly server: readonly Problem[];
}

export interface PlannedCommit {
  readonly kind: 'planned';
  readonly synthesis: Synthesis;
  readonly judged: readonly Judged[];
  /** What is there and ours, and whatever else has the name of something that is wanted. */
  readonly existing: readonly Existing[];
  /** With what the server refused when it was tried out. */
  readonly revision: Revision;
  readonly byStage: StageProblems;
  /** All of them, each once. */
  readonly problems: readonly Problem[];
  /** Fingerprints of the keys that signed what had to be signed. */
  readonly signedBy?: readonly string[];
  readonly durations: Durations;
}

/** - `refused`: the commit as a whole can't be used; `moved`: the reference is at another commit by now. */
export type CommitPlan =
  | PlannedCommit
  | { readonly kind: 'refused'; readonly synthesis: Synthesis; readonly problems: readonly Problem[]; readonly durations: Durations }
  | { readonly kind: 'moved'; readonly to: string };

/** With a pull request the commit is its head. */
export interface Asked {
  readonly commit: string;
  readonly pullRequest?: PullRequest;
}

/** A commit as it is wanted, before anybody has looked at what is there: the same whenever it is looked at. */
export interface Prepared {
  readonly kind: 'prepared';
  readonly commit: string;
  readonly digest: string;
  readonly judged: readonly Judged[];
  /** What the accepted ones are to be, by `refKey`. */
  readonly desired: ReadonlyMap<string, Desired>;
  readonly synthesis: Synthesis;
  readonly signedBy?: readonly string[];
  readonly durations: Durations;
}

export type Unusable = Exclude<CommitPlan, PlannedCommit>;

/** Plans one commit and changes nothing. Rejects with a StageError for the world's failure, and with the signal's reason when it is aborted. */
export async function planCommit(parts: PlanParts, asked: Asked, signal: AbortSignal): Promise<CommitPlan> {
  const prepared = await prepareCommit(parts, asked, signal);
  return prepared.kind === 'prepared' ? planPrepared(parts, prepared, signal) : prepared;
}

/** Fetches, synthesizes and judges; knows nothing of what is there. Rejects as `planCommit` does. */
export async function prepareCommit(parts: PlanParts, { commit, pullRequest }: Asked, signal: AbortSignal): Promise<Prepared | Unusable> {
  const times = new StageTimes(parts);
  const tree = await times.time('fetch', () => parts.source.export(commit, signal, pullRequest));
  if ('moved' in tree) return { kind: 'moved', to: tree.moved };
  try {
    return await prepareTree(parts, { commit, tree, times }, signal);
  } finally {
    await tree.dispose();
  }
}

interface Fetched {
  readonly commit: string;
  readonly tree: ExportedTree;
  readonly times: StageTimes;
}

async function prepareTree(parts: PlanParts, { commit, tree, times }: Fetched, signal: AbortSignal): Promise<Prepared | Unusable> {
  const refuse = (problems: readonly Problem[]): Unusable => {
    const synthesis: Synthesis = { manifests: 0, rules: 0, problems: { synth: problems, policies: [] } };
    parts.progress?.synthesized(synthesis);
    return { kind: 'refused', synthesis, problems, durations: times.durations };
  };
  if (hasErrors(tree.problems)) return refuse(tree.problems);
  const made = await synthesize(parts.synthesizer, tree, signal);
  times.note('synth_bundle', made.bundleMs);
  times.note('synth_run', made.runMs);
  const synth = [...tree.problems, ...made.problems];
  if (hasErrors(synth)) return refuse(synth);
  const judged = await times.time('check', () => parts.judge.judge(made.manifests, parts.gate, () => breathing(parts, signal)));
  signal.throwIfAborted();
  const synthesis = synthesisOf(made.digest, synth, judged);
  parts.progress?.synthesized(synthesis);
  return {
    kind: 'prepared',
    commit,
    digest: made.digest,
    judged,
    desired: desiredOf(judged, parts, commit),
    synthesis,
    ...(tree.signedBy === undefined ? {} : { signedBy: tree.signedBy }),
    durations: times.durations,
  };
}

/** A newer commit, or the end of its time, also ends a commit whose policies take for ever to compile. */
async function breathing(parts: PlanParts, signal: AbortSignal): Promise<void> {
  await parts.breathe();
  signal.throwIfAborted();
}

/** Compares with what is there, and asks whether it would be taken. Rejects as `planCommit` does. */
export async function planPrepared(parts: PlanParts, prepared: Prepared, signal: AbortSignal): Promise<PlannedCommit> {
  const { commit, digest, judged, desired, synthesis, signedBy } = prepared;
  const times = new StageTimes(parts);
  const existing = await parts.delivery.survey([...desired.values()], signal);
  const plan = await times.time('plan', () => planRevision({ judged, desired, existing, rules: parts.rules }));
  const changing = plan.policies.filter(({ change }) => change === 'added' || change === 'changed');
  const refusals = await times.time('dry_run', () => parts.delivery.tryOut(changing, signal));
  const policies = withRefusals(plan.policies, refusals, existing);
  const told = new Set(synthesis.problems.policies);
  const ofPlan = plan.policies.flatMap(({ problems }) => problems.filter((problem) => !told.has(problem)));
  const planned: PlannedCommit = {
    kind: 'planned',
    synthesis,
    judged,
    existing,
    revision: { repository: parts.source.url, commit, digest, policies },
    byStage: { ...synthesis.problems, plan: [...plan.problems, ...ofPlan], server: [...refusals.values()].flat() },
    problems: [
      ...synthesis.problems.synth,
      ...plan.problems,
      ...unplannedProblems(judged, plan.policies),
      ...policies.flatMap(({ problems }) => problems),
    ],
    ...(signedBy === undefined ? {} : { signedBy }),
    durations: { ...prepared.durations, ...times.durations },
  };
  parts.progress?.planned(planned);
  return planned;
}

function synthesisOf(digest: string, synth: readonly Problem[], judged: readonly Judged[]): Synthesis {
  const rules = judged.reduce((sum, one) => sum + (one.accepted ? one.rules : 0), 0);
  const policies = judged.flatMap(({ problems }) => problems);
  return { digest, manifests: judged.length, rules, problems: { synth, policies } };
}

function desiredOf(judged: readonly Judged[], parts: PlanParts, commit: string): ReadonlyMap<string, Desired> {
  const wanted = new Map<string, Desired>();
  for (const { ref, accepted, value, fingerprint, rules } of judged) {
    if (ref === undefined || !accepted || wanted.has(refKey(ref))) continue;
    wanted.set(refKey(ref), { ...ref, manifest: parts.claim(value, ref, commit), fingerprint, rules });
  }
  return wanted;
}

/** Of manifests that do not say which policy they are, and of those with a name that another has already. */
function unplannedProblems(judged: readonly Judged[], planned: readonly PlannedPolicy[]): readonly Problem[] {
  const told = new Set(planned.flatMap(({ problems }) => problems));
  return judged.flatMap(({ problems }) => problems.filter((problem) => !told.has(problem)));
}

/** What the server would not take stays at its last good version, or is not there at all. */
export function withRefusals(
  policies: readonly PlannedPolicy[],
  refusals: Refusals,
  existing: readonly Existing[],
): readonly PlannedPolicy[] {
  const there = new Set(existing.filter(({ owner }) => owner === 'ours').map(refKey));
  return policies.map((policy) => {
    const problems = refusals.get(refKey(policy));
    if (problems === undefined) return policy;
    const { kind, namespace, name } = policy;
    const change = policy.change === 'removed' ? 'left' : there.has(refKey(policy)) ? 'kept' : 'refused';
    return { kind, namespace, name, change, problems: [...policy.problems, ...problems] };
  });
}
