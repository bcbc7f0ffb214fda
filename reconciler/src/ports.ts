/** What the reconciler's story needs from the world. Adapters implement these; `main.ts` wires them. */
import type { Problem, ProblemCode } from '@parapet/policy';
import type { ApiObject, ApiObjectName } from './api-object.ts';
import type { HostLimits } from './host-limits.ts';
import type { Inventory } from './inventory.ts';
import type { StoredFile } from './manifest.ts';
import type { StatusState } from './outcome.ts';

/** One object that a policy program made. */
export interface SynthManifest {
  /** A plain JSON value: an object with `apiVersion`, `kind` and so on, if the program did it right. */
  readonly value: unknown;
  /** The file it was written to, relative to the output directory: `chart.k8s.yaml`. */
  readonly file: string;
  /** Where the author created it, `main.ts:12`, when that is known. */
  readonly source?: string;
  /** The line in the file of `source` that wrote the field at `path` (`['spec', 'process', …]`), when that is known. */
  lineOf?(path: readonly (string | number)[]): number | undefined;
}

export interface SynthResult {
  /** In a fixed order: by file, then as written. Empty when a problem is more than a warning. */
  readonly manifests: readonly SynthManifest[];
  readonly problems: readonly Problem[];
  /** SHA-256 (hex) of the manifests: equal for equal output. */
  readonly digest: string;
  /** Milliseconds. */
  readonly bundleMs: number;
  readonly runMs: number;
  /** Whether the same files may give another result once the package store has what it lacked. Default false. */
  readonly isProvisional?: boolean;
}

/** Runs policy programs where they can't do harm. */
export interface Synthesizer {
  /**
   * Runs the program in `directory`. Whatever is wrong with the program is in `problems`; only the world's failures reject.
   * `content` stands for all that is in the directory, where that is known: equal for equal files. `signal` ends the run at once; the
   * promise then rejects with the signal's reason.
   */
  synth(input: { readonly directory: string; readonly content?: string | undefined; readonly signal?: AbortSignal }): Promise<SynthResult>;
}

/** The newest commit of a source. */
export interface ResolvedCommit {
  readonly commit: string;
  /** As Flux writes it: `main@sha1:…`, `v1.2.0@sha1:…`, `sha1:…` for a commit that is followed by its hash. */
  readonly revision: string;
  /** Full name of the reference that points there; absent for a commit that is followed by its hash. */
  readonly ref?: string;
}

/** What a source answers when asked for its newest commit. */
export type Resolved = ResolvedCommit | { readonly problems: readonly Problem[] };

/** A commit's files on disk, until `dispose`. */
export interface ExportedTree {
  readonly directory: string;
  readonly problems: readonly Problem[];
  /** SHA-256 (hex) over names and contents of all files and links, those outside of the followed folder left out: equal for equal files. */
  readonly content?: string;
  /** Fingerprints of the keys that signed what had to be signed; absent where nothing had to be. */
  readonly signedBy?: readonly string[];
  dispose(): Promise<void>;
}

/** The head of a pull (or merge) request, open or not: Git alone does not tell. */
export interface PullRequest {
  readonly number: number;
  readonly commit: string;
  /** `refs/pull/42/head`, `refs/merge-requests/42/head`. */
  readonly ref: string;
}

/** A Git repository, one reference of it, one folder. All of it may be called while other calls are at work. */
export interface Source {
  /** Without credentials. */
  readonly url: string;
  /** Cheap: asks only. Rejects with a StageError (`repository-unreachable`) when nobody answers. */
  resolve(signal: AbortSignal): Promise<Resolved>;
  /**
   * Fetches and writes out; needs no `resolve` before. `moved`: the reference is somewhere else by now. With a pull request the commit is
   * its head, and signatures are not asked for: it is looked at and never applied.
   */
  export(commit: string, signal: AbortSignal, pullRequest?: PullRequest): Promise<ExportedTree | { readonly moved: string }>;
  /** At most `limit` pull requests, the newest first. Rejects as `resolve` does. */
  pullRequests(limit: number, signal: AbortSignal): Promise<readonly PullRequest[]>;
  close(): Promise<void>;
}

/** A report file of a node, as read and checked for size only. */
export interface ReportFile {
  /** File name without `.json`. */
  readonly node: string;
  /** Parsed JSON, or `undefined` when it isn't any. */
  readonly value: unknown;
  /** Why it was not even read: one sentence. */
  readonly fault?: string;
  /** When it was last written, milliseconds since the epoch, by this machine's clock. */
  readonly modified: number;
}

/** Where policies are stored and nodes report. */
export interface PolicyTarget {
  /** Problems that make the target unusable; repairs what an interrupted run left. */
  open(): Promise<readonly Problem[]>;
  inventory(): Promise<Inventory | undefined>;
  /** All or nothing: readers see the old revision or the new one. */
  apply(revision: { readonly inventory: Inventory; readonly files: readonly StoredFile[] }): Promise<void>;
  reports(): Promise<readonly ReportFile[]>;
}

/** Something said about one line of the author's files. */
export interface Annotation {
  /** Relative to the repository's root. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly level: 'failure' | 'warning';
  readonly message: string;
}

export interface CommitStatus {
  /** Full hash. */
  readonly commit: string;
  readonly context: string;
  readonly state: StatusState;
  /** One line; a host shows as much of it as `HostLimits` say. */
  readonly description: string;
  readonly targetUrl?: string;
  /** Markdown, for hosts that show more than a line; the others show the description only. */
  readonly summary?: string;
  /** For hosts that show them at their lines; the others don't. */
  readonly annotations?: readonly Annotation[];
}

/**
 * - `retry`: nobody answered, or the host is busy; `after` in milliseconds where it said when.
 * - `refused`: the host doesn't let us (token, permission, repository), or doesn't like this one: tried again now and then.
 * - `closed`: the host takes no more statuses for this commit and context.
 */
export type PostResult =
  | { readonly kind: 'posted' }
  | { readonly kind: 'retry'; readonly message: string; readonly after?: number }
  | { readonly kind: 'refused' | 'closed'; readonly message: string };

/** What a host shows for a commit and context; `unknown` when it didn't tell, with `after` in milliseconds where it said when. */
export type FindResult =
  | { readonly kind: 'found'; readonly status: Pick<CommitStatus, 'state' | 'description' | 'targetUrl'> }
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly message: string; readonly after?: number };

/** Never rejects: what goes wrong is in the result. */
export interface StatusHost {
  readonly limits: HostLimits;
  /** `signal` gives up waiting for an answer: `retry`. */
  post(status: CommitStatus, signal: AbortSignal): Promise<PostResult>;
  /** The newest status, without summary and annotations: to learn after a crash or a lost answer whether one arrived (`isShown`). */
  find(about: Pick<CommitStatus, 'commit' | 'context'>, signal: AbortSignal): Promise<FindResult>;
}

/** An open pull request (GitLab: merge request). Its `ref` is the branch where the host has no such references. */
export interface OpenPullRequest extends PullRequest {
  /** The branch that it is to be merged into. */
  readonly base: string;
}

/**
 * `unknown` when the host didn't tell, with `after` in milliseconds where it said when; `refused` when it will not tell us, however often it
 * is asked.
 */
export type PullRequestsResult =
  | { readonly kind: 'listed'; readonly pullRequests: readonly OpenPullRequest[] }
  | { readonly kind: 'unknown'; readonly message: string; readonly refused: boolean; readonly after?: number };

export interface PullRequestComment {
  readonly pullRequest: number;
  /** Tells our comments on one pull request apart: `diff (cluster)`. */
  readonly marker: string;
  /** Markdown. */
  readonly body: string;
  /** Nothing that is worth a comment: where ours is there already it is changed, and none is made. */
  readonly onlyChange?: boolean;
}

/** Never rejects: what goes wrong is in the result. */
export interface CommentHost {
  /** Makes the comment, or changes it in place when we made it before; one that says the same already is left alone. */
  upsert(comment: PullRequestComment, signal: AbortSignal): Promise<PostResult>;
  /** The open ones, newest first. */
  pullRequests(signal: AbortSignal): Promise<PullRequestsResult>;
}

/** One JSON value that survives a crash. */
export interface Store {
  load(): Promise<unknown>;
  save(value: unknown): Promise<void>;
}

/** Single objects of the API server. Rejects with a StageError (`target`). */
export interface ObjectWriter {
  /** `undefined` when there is none. */
  read(name: ApiObjectName, signal: AbortSignal): Promise<ApiObject | undefined>;
  /**
   * Server-side apply as our field manager, without force; gives the object as it is stored then. What was applied before and is left out now
   * goes. With a subresource only that part is written.
   */
  apply(object: ApiObject, options: { readonly subresource?: 'status'; readonly signal: AbortSignal }): Promise<ApiObject>;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `milliseconds`, or at once when the signal is aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** One line of the reconciler's log. */
export interface LogEvent {
  readonly level: 'info' | 'warn' | 'error';
  /** `resolve`, `fetch`, `synth`, `target`, `status`, `report`, `webhook`, `pull-request`, `comment`. */
  readonly stage: string;
  readonly message: string;
  readonly commit?: string;
  readonly context?: string;
  readonly state?: StatusState;
  /** `namespace/name` of a PolicySource. */
  readonly source?: string;
  /** `main@sha1:…`. */
  readonly revision?: string;
  readonly durationMs?: number;
  /** Codes of the problems that this is about. */
  readonly problems?: readonly ProblemCode[];
}

export type Log = (event: LogEvent) => void;

/** What of a run is timed. */
export type TimedStage =
  'resolve' | 'fetch' | 'verify' | 'synth_bundle' | 'synth_run' | 'check' | 'plan' | 'dry_run' | 'apply' | 'prune' | 'deliver';

/** Counts and times for whoever watches. Takes every call, never throws; `source` is `namespace/name` of a PolicySource. */
export interface Metrics {
  runEnded(outcome: 'applied' | 'refused' | 'overtaken' | 'failed'): void;
  stageEnded(stage: TimedStage, milliseconds: number): void;
  /** How many policies of a source there are now; those in none of the three states wait for nodes. */
  policies(
    source: string,
    counts: { readonly total: number; readonly enforced: number; readonly degraded: number; readonly refused: number },
  ): void;
  ready(source: string, ready: boolean): void;
  /** A run of the source ended well, at `at` milliseconds since the epoch. */
  succeeded(source: string, at: number): void;
  /** The source is no more: nothing is told of it from now on. */
  forget(source: string): void;
  /** Objects that somebody else had changed. */
  drifted(answer: 'corrected' | 'reported', objects: number): void;
  pruneBlocked(): void;
  synthCache(answer: 'hit' | 'miss'): void;
  /** `host` is the name of the host that takes statuses: `api.github.com`. */
  outboxQueued(host: string, statuses: number): void;
  outboxAnswered(host: string, answer: 'posted' | 'retried' | 'refused'): void;
  webhook(delivery: { readonly host: string; readonly event: string; readonly result: WebhookResult }): void;
  watchRestarted(kind: string): void;
  /** `code`: of HTTP, or what else came instead of an answer. */
  apiRequest(verb: string, code: number | 'error'): void;
  leading(leads: boolean): void;
}

/**
 * - `accepted`: at least one source is told; `unconcerned`: it is genuine, but no source follows what it is about.
 * - `repeated`: it has come before.
 * - `unverified`: no source of its repository, or a wrong signature; `malformed`: nobody knows what it says.
 * - `limited`: too many or too large; `failed`: a bug of ours.
 */
export type WebhookResult = 'accepted' | 'unconcerned' | 'repeated' | 'unverified' | 'malformed' | 'limited' | 'failed';
