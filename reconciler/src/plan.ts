/** From what a commit says and what is applied to what must be done. */
import { refKey } from '@parapet/policy';
import type { PolicyRef, Problem } from '@parapet/policy';
import { count } from './describe.ts';
import type { Inventory, InventoryEntry } from './inventory.ts';

export interface Change extends PolicyRef {
  readonly change: 'added' | 'changed' | 'removed';
}

export interface Plan {
  /** Every policy of the commit. */
  readonly entries: readonly InventoryEntry[];
  /** What differs from what is applied; in order of name. */
  readonly changes: readonly Change[];
  /** Why nothing may be applied; empty for a plan that can be carried out. */
  readonly problems: readonly Problem[];
}

/**
 * Compares by meaning: a policy that only moved to another line is unchanged. A commit without any policy would lift all enforcement,
 * and is more often a mistake than a wish: `empty-result`, unless `allowEmpty` says that it is one.
 */
export function plan(input: {
  readonly entries: readonly InventoryEntry[];
  readonly inventory: Inventory | undefined;
  readonly allowEmpty: boolean;
}): Plan {
  const before = new Map((input.inventory?.policies ?? []).map((entry) => [refKey(entry), entry]));
  const after = new Map(input.entries.map((entry) => [refKey(entry), entry]));
  const changes: Change[] = [];
  for (const [key, entry] of after) {
    const old = before.get(key);
    if (old === undefined) changes.push(changeOf(entry, 'added'));
    else if (old.fingerprint !== entry.fingerprint) changes.push(changeOf(entry, 'changed'));
  }
  for (const [key, entry] of before) if (!after.has(key)) changes.push(changeOf(entry, 'removed'));
  changes.sort((a, b) => (refKey(a) < refKey(b) ? -1 : 1));
  const refused = after.size === 0 && before.size > 0 && !input.allowEmpty;
  return { entries: input.entries, changes, problems: refused ? [emptyResult(before.size)] : [] };
}

/** `3 policies, 14 rules: 1 changed, 1 added`. */
export function describePlan({ entries, changes }: Plan): string {
  const rules = entries.reduce((sum, entry) => sum + entry.rules, 0);
  const kinds = (['changed', 'added', 'removed'] as const)
    .map((kind) => ({ kind, number: changes.filter(({ change }) => change === kind).length }))
    .filter(({ number }) => number > 0)
    .map(({ kind, number }) => `${number} ${kind}`);
  const what = kinds.length === 0 ? 'no changes' : kinds.join(', ');
  return `${count(entries.length, 'policy', 'policies')}, ${count(rules, 'rule', 'rules')}: ${what}`;
}

function changeOf({ kind, namespace, name }: PolicyRef, change: Change['change']): Change {
  return { kind, namespace, name, change };
}

function emptyResult(before: number): Problem {
  return {
    code: 'empty-result',
    severity: 'error',
    place: {},
    message: `the commit has no policy, and ${count(before, 'policy is', 'policies are')} applied: nothing is removed`,
    hint: 'to remove all policies, start the reconciler with --allow-empty',
  };
}
