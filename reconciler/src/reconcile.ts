/** One commit's way: fetch, synthesize, validate, compile, plan, store, and a status at the end whatever happened. */
import { compile, DEFAULT_POSTURES, parsePolicies, refKey } from '@parapet/policy';
import type { Policy, Problem } from '@parapet/policy';
import { describeProblems, plain } from './describe.ts';
import type { Inventory, InventoryEntry } from './inventory.ts';
import { digestOf, fileNameOf, fingerprint, render, stamp } from './manifest.ts';
import { describePlan, plan } from './plan.ts';
import type { Plan } from './plan.ts';
import type { Log, PolicyTarget, Source, SynthManifest, Synthesizer } from './ports.ts';
import { StageError } from './stage-error.ts';
import { STOPPED_WORDS, supersededBy } from './status-words.ts';
import type { Statuses } from './statuses.ts';
import { hasErrors, synthesize } from './synthesize.ts';

export interface Reconciling {
  readonly source: Source;
  readonly synthesizer: Synthesizer;
  readonly target: PolicyTarget;
  readonly statuses: Statuses;
  readonly log: Log;
  /** Folder in the repository; `.` is all of it. */
  readonly path: string;
  readonly allowEmpty: boolean;
}

/** Why a run was told to stop. */
export type StopReason = { readonly by: string } | 'stopping';

/** `refused`: the commit has problems and nothing of it is applied; `overtaken`: a newer commit; `failed`: the world. */
export type RunResult = { readonly problems: readonly Problem[] } & (
  | { readonly kind: 'applied'; readonly inventory: Inventory; readonly plan: Plan }
  | { readonly kind: 'refused' }
  | { readonly kind: 'overtaken' }
  | { readonly kind: 'failed'; readonly error: StageError }
);

/** Carries out one commit. Never rejects but for a bug. On anything but `applied`, what was applied before stays as it is. */
export async function reconcile(parts: Reconciling, commit: string, signal: AbortSignal): Promise<RunResult> {
  const { statuses, log } = parts;
  statuses.supersede(commit, ['synth']);
  // After a restart a commit may be looked at again: its end state stays until there is another.
  if (statuses.latest(commit, 'synth') === undefined)
    statuses.set(commit, 'synth', { state: 'pending', description: 'synthesizing policies' });
  const result = await attempt(parts, commit, signal);
  switch (result.kind) {
    case 'applied':
      statuses.supersede(commit, ['enforced', 'violations']);
      // Looked at again after a restart it would read "no changes": what the commit once changed says more.
      if (result.plan.changes.length > 0 || statuses.latest(commit, 'synth')?.state !== 'success')
        statuses.set(commit, 'synth', { state: 'success', description: describePlan(result.plan) });
      log({ level: 'info', stage: 'target', commit, message: describePlan(result.plan) });
      break;
    case 'refused':
      statuses.set(commit, 'synth', { state: 'failure', description: describeProblems(result.problems) });
      log({
        level: 'error',
        stage: 'synth',
        commit,
        message: `${describeProblems(result.problems)}; what was applied before stays in force`,
      });
      break;
    case 'failed':
      statuses.set(commit, 'synth', { state: 'error', description: `${result.error.stage} failed: ${result.error.message}` });
      log({ level: 'error', stage: result.error.stage, commit, message: plain(result.error.message) });
      break;
    case 'overtaken':
      break;
  }
  return result;
}

async function attempt(parts: Reconciling, commit: string, signal: AbortSignal): Promise<RunResult> {
  try {
    return await stages(parts, commit, signal);
  } catch (error) {
    if (signal.aborted) return overtaken(parts, commit, signal.reason as StopReason);
    if (error instanceof StageError) return { kind: 'failed', error, problems: [] };
    // Not ours to judge, but the commit must not stay pending for it.
    parts.statuses.set(commit, 'synth', { state: 'error', description: 'the reconciler has a bug: see its log' });
    throw error;
  }
}

async function stages(parts: Reconciling, commit: string, signal: AbortSignal): Promise<RunResult> {
  const tree = await parts.source.export(commit, signal);
  if ('moved' in tree) return overtaken(parts, commit, { by: tree.moved });
  const problems: Problem[] = [...tree.problems];
  try {
    if (hasErrors(problems)) return { kind: 'refused', problems };
    const synthesized = await synthesize(parts.synthesizer, tree, signal);
    problems.push(...synthesized.problems);
    if (hasErrors(problems)) return { kind: 'refused', problems };
    const checked = check(synthesized.manifests);
    problems.push(...checked.problems);
    if (hasErrors(problems)) return { kind: 'refused', problems };
    signal.throwIfAborted();
    return await apply(parts, { commit, problems, manifests: synthesized.manifests, policies: checked.policies });
  } finally {
    await tree.dispose();
  }
}

/** Every policy is parsed and compiled here, so that what a node could not hold is refused before any node sees it. */
function check(manifests: readonly SynthManifest[]): { readonly policies: readonly Policy[]; readonly problems: readonly Problem[] } {
  const { policies, problems } = parsePolicies(manifests.map(toParse));
  for (const policy of policies) {
    for (const problem of compile([policy], DEFAULT_POSTURES).problems) {
      problems.push({ ...problem, place: { ...sourcePlace(policy.provenance.source), object: refKey(policy), ...problem.place } });
    }
  }
  return { policies, problems };
}

/** Authors know their program, not the manifests it made: places are in the program where that is known. */
function toParse(manifest: SynthManifest): Parameters<typeof parsePolicies>[0][number] {
  const made = sourcePlace(manifest.source);
  return { value: manifest.value, file: made.file ?? manifest.file, lineOf: (path) => manifest.lineOf?.(path) ?? made.line };
}

function sourcePlace(source: string | undefined): { readonly file?: string; readonly line?: number } {
  const [, file, line] = /^(.+?):(\d+)(?::\d+)?$/.exec(source ?? '') ?? [];
  return file === undefined ? {} : { file, line: Number(line) };
}

async function apply(
  parts: Reconciling,
  made: { commit: string; problems: readonly Problem[]; manifests: readonly SynthManifest[]; policies: readonly Policy[] },
): Promise<RunResult> {
  const { commit, problems, manifests } = made;
  const from = { repository: parts.source.url, commit };
  const stored = made.policies.map((policy, index) => {
    const manifest = manifests[index]?.value;
    const { kind, namespace, name } = policy;
    const file = fileNameOf(policy);
    const entry: InventoryEntry = { kind, namespace, name, file, fingerprint: fingerprint(manifest), rules: policy.rules.length };
    return { entry, file: { file, content: render(stamp(manifest, from)) } };
  });
  const planned = plan({
    entries: stored.map(({ entry }) => entry),
    inventory: await parts.target.inventory(),
    allowEmpty: parts.allowEmpty,
  });
  if (planned.problems.length > 0) return { kind: 'refused', problems: [...problems, ...planned.problems] };
  const files = stored.map(({ file }) => file);
  const inventory: Inventory = {
    apiVersion: 'parapet.dev/v1alpha1',
    kind: 'Inventory',
    repository: from.repository,
    path: parts.path,
    commit,
    digest: digestOf(files),
    policies: planned.entries,
  };
  await parts.target.apply({ inventory, files });
  return { kind: 'applied', inventory, plan: planned, problems };
}

function overtaken({ statuses, log }: Reconciling, commit: string, reason: StopReason): RunResult {
  const description = reason === 'stopping' ? STOPPED_WORDS : supersededBy(reason.by);
  if (statuses.latest(commit, 'synth')?.state === 'pending') statuses.set(commit, 'synth', { state: 'error', description });
  log({ level: 'info', stage: 'synth', commit, message: description });
  return { kind: 'overtaken', problems: [] };
}
