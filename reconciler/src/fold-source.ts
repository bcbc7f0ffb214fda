/** One source's policies together: how many are in force, and what its commit's status `parapet/enforced` says. */
import type { PolicyRef } from '@parapet/policy';
import { clip, plain } from './describe.ts';
import { outcome, silence } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import type { FoldedPolicy, NodeGroup, PolicyStatus } from './policy-status.ts';

/** Each policy is in one of the last four. */
export interface SourceCounts {
  readonly total: number;
  /** In force on every node that reports. */
  readonly enforced: number;
  /** Accepted, but some node cannot hold it. */
  readonly degraded: number;
  /** By the reconciler or by some node. */
  readonly refused: number;
  readonly pending: number;
}

export interface WantedVersion extends PolicyRef {
  /** Of what it says; without one any version will do. */
  readonly fingerprint?: string;
}

export interface SourceFold {
  readonly policies: SourceCounts;
  readonly enforced: Outcome;
}

/** What is known of a policy; without `policy` it is not there (yet). */
export interface Known {
  readonly ref: PolicyRef;
  readonly policy: FoldedPolicy | undefined;
  readonly status: PolicyStatus | undefined;
  readonly degraded: NodeGroup | undefined;
  readonly rejected: NodeGroup | undefined;
}

/** The first policy that some node cannot hold is named; else nodes are counted that hold all of them. */
export function foldSource(
  known: readonly Known[],
  nodes: { readonly total: number; readonly waited: number; readonly patience: number; readonly holdingAll: () => number },
): SourceFold {
  const states = known.map(stateOf);
  const number = (state: ReturnType<typeof stateOf>): number => states.filter((one) => one === state).length;
  const policies = {
    total: known.length,
    enforced: number('enforced'),
    degraded: number('degraded'),
    refused: number('refused'),
    pending: number('pending'),
  };
  return { policies, enforced: enforcedBy(known, policies, nodes) };
}

function stateOf({ policy, status }: Known): 'enforced' | 'degraded' | 'refused' | 'pending' {
  if (policy === undefined || status === undefined) return 'pending';
  const is = (type: string, value: string): boolean => status.conditions.some((one) => one.type === type && one.status === value);
  if (is('Accepted', 'False')) return 'refused';
  if (is('Degraded', 'True')) return 'degraded';
  return is('Enforced', 'True') ? 'enforced' : 'pending';
}

function enforcedBy(known: readonly Known[], policies: SourceCounts, nodes: Parameters<typeof foldSource>[1]): Outcome {
  if (nodes.total === 0) return silence(nodes);
  const failure = policies.degraded + policies.refused === 0 ? undefined : known.map(failureOf).find((text) => text !== undefined);
  if (failure !== undefined) return outcome('failure', clip(plain(failure)));
  const done = policies.enforced === policies.total ? nodes.total : nodes.holdingAll();
  return outcome(done === nodes.total ? 'success' : 'pending', `${done} of ${nodes.total} nodes`);
}

function failureOf({ ref, policy, degraded, rejected }: Known): string | undefined {
  if (policy?.refused !== undefined) return `${ref.name}: refused: ${policy.refused}`;
  const on = rejected?.named[0] ?? degraded?.named[0];
  if (on === undefined) return undefined;
  const verb = rejected?.named[0] === undefined ? 'degraded' : 'rejected';
  return `${ref.name}: ${verb} on ${on.node}: ${on.message === '' ? 'no reason given' : on.message}`;
}
