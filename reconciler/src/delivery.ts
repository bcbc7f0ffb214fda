/** How policies of a commit get to where they are enforced: what every way of delivery is asked to do. */
import type { PolicyRef, Problem } from '@parapet/policy';

/** A policy as a commit wants it. */
export interface Desired extends PolicyRef {
  /** As it is stored: with labels, and with annotations that say where it is from. */
  readonly manifest: Readonly<Record<string, unknown>>;
  /** Hash of what it says, without where it was written: equal for equal meaning. */
  readonly fingerprint: string;
  readonly rules: number;
}

/** A policy that is there already. */
export interface Existing extends PolicyRef {
  /** As `Desired.fingerprint`; whatever else when it is not as it was delivered (somebody changed it). */
  readonly fingerprint: string;
  /** That what the commit wants was delivered before, and somebody else changed it since. */
  readonly drifted?: boolean;
  /** Whose it is: only what is `ours` may be changed or removed without being told to. */
  readonly owner: 'ours' | 'nobody' | 'another source';
}

/**
 * - `kept`: this commit's version has problems, the last good one stays.
 * - `refused`: it has problems and nothing is there to stay.
 * - `left`: no longer wanted, but nothing may be removed (now).
 */
export type Change = 'added' | 'changed' | 'unchanged' | 'kept' | 'refused' | 'removed' | 'left';

export interface PlannedPolicy extends PolicyRef {
  readonly change: Change;
  /** Present for `added`, `changed` and `unchanged`. */
  readonly desired?: Desired;
  /** For `changed`: that only because somebody else changed it. */
  readonly drifted?: boolean;
  readonly problems: readonly Problem[];
}

/** One commit's policies, and what is to be done about each. */
export interface Revision {
  /** Without credentials. */
  readonly repository: string;
  readonly commit: string;
  /** SHA-256 (hex) of the manifests. */
  readonly digest: string;
  /** In the order in which they are carried out. */
  readonly policies: readonly PlannedPolicy[];
}

/** What went wrong with single policies, by `refKey`. Empty: nothing did. */
export type Refusals = ReadonlyMap<string, readonly Problem[]>;

export interface Delivery {
  /** Everything that is there and ours, and whatever else has the name of something in `wanted`. */
  survey(wanted: readonly Desired[], signal: AbortSignal): Promise<readonly Existing[]>;
  /** Asks whether each of `added` and `changed` would be taken, without changing anything. */
  tryOut(policies: readonly PlannedPolicy[], signal: AbortSignal): Promise<Refusals>;
  /**
   * Does what the revision says. Policies that can't be written are in the result, and don't hold up others. Rejects with a StageError when
   * nothing at all can be done; may be called again with the same revision at any time, also after a crash in the middle.
   */
  carryOut(revision: Revision, signal: AbortSignal): Promise<Refusals>;
}
