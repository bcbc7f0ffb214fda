/** What happened in a run with faults: what was pushed, and what API server and Git host saw of it. */

/**
 * - `good`: every policy can be applied; `partly`: one of them can't, and keeps its last good version.
 * - `broken`: the program does not run; `emptied`: it makes no policy. Neither may change anything.
 */
export type CommitKind = 'good' | 'partly' | 'broken' | 'emptied';

export interface Pushed {
  readonly commit: string;
  readonly kind: CommitKind;
  /** Version by name: what each policy says in this commit. */
  readonly policies: ReadonlyMap<string, string>;
  /** Of a commit that is good but for one: that one. */
  readonly spoilt?: string;
  /** Milliseconds since the epoch, before anybody else could know of it. */
  readonly at: number;
}

/** What the API server's watch told of a policy. */
export interface PolicyEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** Of the whole cluster: what happened later has more. */
  readonly resourceVersion: number;
  readonly at: number;
  readonly name: string;
  /** The PolicySource that its marks name; `undefined` for what somebody made by hand. */
  readonly source?: string;
  readonly commit?: string;
  readonly version?: string;
}

/** What the API server's watch told of a PolicySource. */
export interface SourceEvent {
  readonly resourceVersion: number;
  readonly source: string;
  readonly attempted: string;
}

/** A status as the Git host took it, oldest first. */
export interface Post {
  readonly sha: string;
  readonly context: string;
  readonly state: string;
  readonly description: string;
}
