/**
 * NodeReport (`parapet.dev/v1alpha1`): what one node enforces. Agents write one object each; the reconciler folds them into
 * statuses. This is the only thing that agent and reconciler share at run time besides the policies themselves.
 */
import type { Action, PolicyKind } from './model.ts';

export const REPORT_API_VERSION = 'parapet.dev/v1alpha1';

/** Name of one policy, as a key. */
export interface PolicyRef {
  readonly kind: PolicyKind;
  readonly namespace: string;
  readonly name: string;
}

/**
 * - `Enforced`: in force on every matching container of this node (also when there is none yet).
 * - `Degraded`: accepted, but something of it cannot be held here; `message` says what and why.
 * - `Rejected`: the manifest has problems; the last good version, if any, stays in force.
 * - `Pending`: accepted, not yet in force.
 */
export type PolicyState = 'Enforced' | 'Degraded' | 'Rejected' | 'Pending';

export interface PolicyReport extends PolicyRef {
  readonly state: PolicyState;
  readonly message: string;
  /** Commit from the policy's provenance, if it has one. */
  readonly commit?: string;
  /** `metadata.generation` of the object as this node has read it; absent where policies come without one, as from files. */
  readonly generation?: number;
  /** Matching containers on this node. */
  readonly containers: number;
}

export interface ViolationReport extends PolicyRef {
  /** The rule's field, or `DefaultPosture`. */
  readonly rule: string;
  readonly action: Action;
  readonly operation: 'Process' | 'File' | 'Network' | 'Capabilities' | 'Syscall' | 'Hardening';
  /** The last resource that was hit. */
  readonly resource: string;
  readonly severity: number;
  readonly message: string;
  readonly count: number;
  /** ISO 8601. */
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly commit?: string;
  /** `main.ts:12` */
  readonly source?: string;
  /** What was hit, `namespace/Kind/name`: `shop/Deployment/web`. Absent where the node can't tell, and on the host. */
  readonly workload?: string;
}

export interface NodeReport {
  readonly apiVersion: typeof REPORT_API_VERSION;
  readonly kind: 'NodeReport';
  readonly metadata: { readonly name: string };
  readonly status: {
    /** ISO 8601; a report that is not renewed for a minute is stale. */
    readonly observedAt: string;
    readonly enforcer: string;
    readonly kernel: string;
    /** How many entries there are, those that were left out among them: what `kubectl get` shows, which can't count. */
    readonly totals?: { readonly policies: number; readonly violations: number };
    /** What is left out, where all of it would be too much for one object; absent where nothing is. */
    readonly cut?: string;
    readonly policies: readonly PolicyReport[];
    readonly violations: readonly ViolationReport[];
    /** Kernel counters by name (see abi.ts), drops among them. */
    readonly counters: Readonly<Record<string, number>>;
  };
}
