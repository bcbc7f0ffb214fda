/** From what a commit says and what is there to what must be done about each policy. */
import { refKey } from '@parapet/policy';
import type { PolicyKind, PolicyRef, Problem } from '@parapet/policy';
import type { Change, Desired, Existing, PlannedPolicy } from './delivery.ts';
import { count } from './describe.ts';
import type { Judged } from './judge.ts';

export interface RevisionRules {
  readonly prune: boolean;
  /** Percent of what is there that may be removed without an explicit yes. */
  readonly pruneLimit: number;
  /** Whether that yes was given for this commit. */
  readonly pruneConfirmed: boolean;
  readonly allowEmpty: boolean;
  readonly force: boolean;
  readonly drift: 'Correct' | 'Report';
}

export interface RevisionInput {
  readonly judged: readonly Judged[];
  /** What the accepted ones are to be, by `refKey`. */
  readonly desired: ReadonlyMap<string, Desired>;
  readonly existing: readonly Existing[];
  readonly rules: RevisionRules;
}

export interface RevisionPlan {
  /** In the order in which they are carried out: what is added before what is removed, so that a renamed policy leaves no gap. */
  readonly policies: readonly PlannedPolicy[];
  /** Why something is not done that the commit asks for, where that is about no single policy. */
  readonly problems: readonly Problem[];
}

const KIND_ORDER: readonly PolicyKind[] = ['KubeArmorHostPolicy', 'KubeArmorClusterPolicy', 'KubeArmorPolicy'];

/** Each policy on its own: a bad one keeps its last good version and holds up nobody. What is removed must pass every guard. */
export function planRevision(input: RevisionInput): RevisionPlan {
  const there = new Map(input.existing.map((existing) => [refKey(existing), existing]));
  const wanted: PlannedPolicy[] = [];
  const named = new Set<string>();
  for (const judged of input.judged) {
    const key = judged.ref === undefined ? undefined : refKey(judged.ref);
    // Of two with one name the second is a problem of the first's.
    if (judged.ref === undefined || key === undefined || named.has(key)) continue;
    named.add(key);
    wanted.push(planOne(judged, { desired: input.desired.get(key), existing: there.get(key), rules: input.rules }));
  }
  const gone = input.existing.filter((existing) => existing.owner === 'ours' && !named.has(refKey(existing)));
  const guard = guardOf(gone, input);
  const change: Change = guard === undefined && input.rules.prune ? 'removed' : 'left';
  const removed = gone.map(({ kind, namespace, name }): PlannedPolicy => ({ kind, namespace, name, change, problems: [] }));
  return { policies: [...inOrder(wanted), ...inOrder(removed)], problems: guard === undefined ? [] : [guard] };
}

interface At {
  readonly desired: Desired | undefined;
  readonly existing: Existing | undefined;
  readonly rules: RevisionRules;
}

function planOne(judged: Judged, { desired, existing, rules }: At): PlannedPolicy {
  const { kind, namespace, name } = judged.ref as PolicyRef;
  const planned = (change: Change, problems: readonly Problem[] = []): PlannedPolicy => ({
    ...{ kind, namespace, name, change, problems: [...judged.problems, ...problems] },
    ...(desired === undefined || change === 'kept' || change === 'refused' ? {} : { desired }),
  });
  const taken = existing === undefined || existing.owner === 'ours' ? undefined : notOurs(existing, rules.force);
  if (!judged.accepted || desired === undefined) return planned(existing?.owner === 'ours' ? 'kept' : 'refused');
  if (taken !== undefined) return planned('refused', [taken]);
  if (existing === undefined) return planned('added');
  if (existing.owner === 'ours' && existing.fingerprint === desired.fingerprint) return planned('unchanged');
  if (existing.drifted !== true) return planned('changed');
  const drifted = rules.drift === 'Correct' ? planned('changed') : planned('unchanged', [driftOf(existing)]);
  return { ...drifted, drifted: true };
}

function notOurs(existing: Existing, force: boolean): Problem | undefined {
  const place = { object: refKey(existing) };
  if (existing.owner === 'another source') {
    const message = 'another PolicySource has a policy of this name';
    return { code: 'owned-by-another', severity: 'error', place, message, hint: 'rename it, or remove it from the other source' };
  }
  if (force) return undefined;
  const message = 'there is a policy of this name that no PolicySource made';
  const hint = 'remove it, rename yours, or set spec.force: true on the PolicySource to take it over';
  return { code: 'owned-by-another', severity: 'error', place, message, hint };
}

function driftOf(existing: Existing): Problem {
  const message = 'somebody changed it in the cluster, and the PolicySource says to leave that (spec.drift: Report)';
  return { code: 'drifted', severity: 'warning', place: { object: refKey(existing) }, message };
}

/** Why none of `gone` may be removed now; `undefined` when all may. */
function guardOf(gone: readonly Existing[], { judged, existing, rules }: RevisionInput): Problem | undefined {
  if (gone.length === 0 || !rules.prune) return undefined;
  const ours = existing.filter(({ owner }) => owner === 'ours').length;
  const kept = `${count(gone.length, 'policy stays', 'policies stay')} in force`;
  if (judged.length === 0 && !rules.allowEmpty) {
    const hint = 'to remove all policies, set spec.allowEmpty: true on the PolicySource';
    return problem(
      'empty-result',
      `the commit has no policy, and ${count(ours, 'policy is', 'policies are')} applied: nothing is removed`,
      hint,
    );
  }
  if (judged.some(({ ref }) => ref === undefined)) {
    const message = `a manifest does not say which policy it is, so nothing is removed: ${kept}`;
    return problem('prune-blocked', message, 'mend that manifest: it may be the new version of one that would be removed');
  }
  // An empty result that is wished for is an explicit yes.
  if (judged.length === 0 || rules.pruneConfirmed || gone.length * 100 <= ours * rules.pruneLimit) return undefined;
  const share = Math.round((gone.length / ours) * 100);
  const message = `the commit removes ${gone.length} of ${ours} policies (${share} %), and at most ${rules.pruneLimit} % may go at once: ${kept}`;
  return problem('prune-blocked', message, 'if this is meant, annotate the PolicySource with reconcile.parapet.dev/confirmPrune: COMMIT');
}

function problem(code: 'empty-result' | 'prune-blocked', message: string, hint: string): Problem {
  return { code, severity: 'error', place: {}, message, hint };
}

function inOrder(policies: readonly PlannedPolicy[]): PlannedPolicy[] {
  const rank = ({ kind }: PolicyRef): number => KIND_ORDER.indexOf(kind);
  return [...policies].sort((a, b) => rank(a) - rank(b) || (refKey(a) < refKey(b) ? -1 : 1));
}

/** How many policies have this change. */
export function countChange(policies: readonly PlannedPolicy[], change: Change): number {
  return policies.filter((policy) => policy.change === change).length;
}

/** `3 added, 1 changed, 2 removed; 1 kept at its last good version, 1 refused`; `no changes`. */
export function describeRevision(policies: readonly PlannedPolicy[]): string {
  const say = (changes: readonly (readonly [Change, string])[]): string =>
    changes
      .map(([change, words]) => ({ words, number: countChange(policies, change) }))
      .filter(({ number }) => number > 0)
      .map(({ words, number }) => `${number} ${words}`)
      .join(', ');
  const done = say([
    ['added', 'added'],
    ['changed', 'changed'],
    ['removed', 'removed'],
  ]);
  const undone = say([
    ['kept', 'kept at the last good version'],
    ['refused', 'refused'],
    ['left', 'not removed'],
  ]);
  return [done === '' ? 'no changes' : done, undone].filter((part) => part !== '').join('; ');
}
