/** What a fold keeps of policies and nodes. */
import type { PolicyRef } from '@parapet/policy';
import type { FoldedPolicy, NodeGroup, PolicyStatus } from './policy-status.ts';
import type { Saying } from './sayings.ts';

/** Nodes that do not hold a policy. */
export interface Groups {
  readonly degraded: NodeGroup;
  readonly rejected: NodeGroup;
  readonly pending: NodeGroup;
}

/** The name of a policy that exists or that some node speaks of. Counts are of nodes that count, and mean nothing without a policy. */
export interface Slot {
  readonly number: number;
  readonly ref: PolicyRef;
  /** Nodes that speak of it. */
  uses: number;
  policy?: FoldedPolicy;
  enforced: number;
  degraded: number;
  rejected: number;
  containers: number;
  groups?: Groups;
  /** As it was made last. */
  status?: PolicyStatus;
  /** As it was told of last, or else as the object has it. */
  told?: PolicyStatus;
}

export interface FoldNode {
  readonly name: string;
  observedAt: string;
  /** When its report last became another one, by our clock. */
  changed: number;
  /** Whether it has renewed its report lately. */
  counts: boolean;
  /** The slots it speaks of, each once, and beside each what it says. */
  slots: Uint32Array;
  says: Uint32Array;
}

export type Standing = 'enforced' | 'degraded' | 'rejected' | 'pending' | 'outdated';

/** What it means for a policy as it is now what a node says of it; `outdated`: that is about another version. */
export function standingOf(policy: FoldedPolicy, { state, generation, commit }: Saying): Standing {
  const isCurrent = generation === undefined || generation === policy.generation;
  if (!isCurrent) return 'outdated';
  // A rejected manifest may not even have given up its commit.
  if (commit !== policy.commit && !(commit === undefined && state === 'Rejected')) return 'outdated';
  return STANDINGS[state];
}

const STANDINGS = { Enforced: 'enforced', Degraded: 'degraded', Rejected: 'rejected', Pending: 'pending' } as const;

/** Adds what a node says to a policy's counts, or takes it away. */
export function tally(slot: Slot, saying: Saying, sign: 1 | -1): void {
  if (slot.policy === undefined) return;
  const standing = standingOf(slot.policy, saying);
  if (standing === 'outdated') return;
  slot.containers += sign * saying.containers;
  if (standing !== 'pending') slot[standing] += sign;
}

/** A set of slots by number, in which looking up costs next to nothing: a pass over all that nodes say looks up millions of times. */
export function slotSet(slots: Iterable<Slot>): Uint8Array {
  const numbers = Array.from(slots, ({ number }) => number);
  const set = new Uint8Array(numbers.reduce((most, number) => Math.max(most, number), -1) + 1);
  for (const number of numbers) set[number] = 1;
  return set;
}

/** What a node says of the slots in a set. */
export function eachEntry({ slots, says }: FoldNode, set: Uint8Array, visit: (slot: number, saying: number) => void): void {
  for (let index = 0; index < slots.length; index += 1) {
    const slot = slots[index] ?? 0;
    if (set[slot] === 1) visit(slot, says[index] ?? 0);
  }
}
