/** The two sides of a revision's what-if: the policies of the cluster as they are, and as they would be. */
import { parsePolicies, POLICY_KINDS, refKey } from '@parapet/policy';
import type { Policy, PolicyKind, PolicySet } from '@parapet/policy';
import type { ApiObject } from './api-object.ts';
import type { PlannedPolicy } from './delivery.ts';
import type { PolicyPlace } from './stored-policies.ts';

/** A revision that changes policies in more namespaces is compared with those of all. */
const MOST_NAMESPACES = 16;

/** Policies that are parsed without a pause. */
const CHUNK = 200;

/** What a revision would do to what is there. */
export function changesOf(policies: readonly PlannedPolicy[]): readonly PlannedPolicy[] {
  return policies.filter(({ change }) => change === 'added' || change === 'changed' || change === 'removed');
}

/**
 * Where the policies are that decide for the same workloads as those that change: in their namespaces, and those of the whole cluster, which
 * decide in every namespace. Elsewhere everything stays as it is.
 */
export function placesOf(changes: readonly PlannedPolicy[]): readonly PolicyPlace[] {
  const kinds = new Set(changes.map(({ kind }) => kind));
  const namespaces = new Set(changes.filter(({ kind }) => kind === 'KubeArmorPolicy').map(({ namespace }) => namespace));
  const everywhere = (kind: PolicyKind): PolicyPlace => ({ kind, namespace: '' });
  const isWide = kinds.has('KubeArmorClusterPolicy') || namespaces.size > MOST_NAMESPACES;
  const inNamespaces = isWide
    ? [everywhere('KubeArmorPolicy')]
    : [...namespaces].map((namespace): PolicyPlace => ({ kind: 'KubeArmorPolicy', namespace }));
  const others = POLICY_KINDS.filter((kind) => kind !== 'KubeArmorPolicy')
    .filter((kind) => kinds.has(kind) || (kind === 'KubeArmorClusterPolicy' && namespaces.size > 0))
    .map(everywhere);
  return [...inNamespaces, ...others];
}

/**
 * `stored` is what is in `placesOf` the changes. What no node can read decides nothing, before and after. Lets other work go on: there may be
 * thousands.
 */
export async function whatIfSets(
  changes: readonly PlannedPolicy[],
  stored: readonly ApiObject[],
  breathe: () => Promise<void>,
): Promise<{ readonly before: PolicySet; readonly after: PolicySet }> {
  const before = await parsed(stored, breathe);
  const changing = new Set(changes.map(refKey));
  const stay = before.filter((policy) => !changing.has(refKey(policy)));
  const wanted = await parsed(
    changes.flatMap(({ desired }) => (desired === undefined ? [] : [desired.manifest])),
    breathe,
  );
  return { before: { policies: before }, after: { policies: [...stay, ...wanted] } };
}

async function parsed(values: readonly unknown[], breathe: () => Promise<void>): Promise<readonly Policy[]> {
  const policies: Policy[] = [];
  for (let from = 0; from < values.length; from += CHUNK) {
    if (from > 0) await breathe();
    policies.push(...parsePolicies(values.slice(from, from + CHUNK).map((value) => ({ value }))).policies);
  }
  return policies;
}
