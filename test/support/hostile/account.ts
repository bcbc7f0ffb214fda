/** What the test asks of the reconciler under attack, and what that tells of itself. */
import type { Problem } from '@parapet/policy';
import type { SynthLimits } from '../../../reconciler/src/adapters/synth/index.ts';
import type { Bounds } from './attempt.ts';

export interface Job {
  /** Of the PolicySource. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** For the mirror and the checkouts. */
  readonly directory: string;
  readonly limits: Partial<SynthLimits>;
  readonly bounds: Bounds;
}

/** `crashed` is what must never be: an error that is neither the user's nor the world's. */
export type Ending =
  | { readonly kind: 'delivered' | 'refused' }
  | { readonly kind: 'failed'; readonly stage: string; readonly message: string }
  | { readonly kind: 'crashed'; readonly message: string };

export interface Account {
  readonly ending: Ending;
  readonly problems: readonly Problem[];
  /** All manifests that the program made, and the names of policies that were let through. */
  readonly manifests: readonly unknown[];
  readonly delivered: readonly string[];
  readonly digest: string;
  /** What is wrong with the reconciler itself now: changed prototypes, links out of the checkout, executable files. */
  readonly harm: readonly string[];
  /** Of the reconciler's own process: seconds of CPU, longest time in which it did nothing else (seconds), most memory (bytes). */
  readonly cpu: number;
  readonly pause: number;
  readonly memory: number;
}
