/** Policies as they are stored in the cluster: what a diff and a what-if compare with. */
import type { PolicyKind } from '@parapet/policy';
import type { ApiObject } from './api-object.ts';

/** Policies of one kind; `namespace` is empty for all of them, and for kinds that are in none. */
export interface PolicyPlace {
  readonly kind: PolicyKind;
  readonly namespace: string;
}

/** What is stored in the cluster, whoever made it. */
export interface StoredPolicies {
  /** Every policy in these places, with kind and version. Rejects with a StageError (`target`). */
  list(places: readonly PolicyPlace[], signal: AbortSignal): Promise<readonly ApiObject[]>;
}
