/** What the reconciler's story needs from the world. Adapters implement these; `main.ts` wires them. */
import type { Problem } from '@parapet/policy';
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
  /** In a fixed order: by file, then as written. Empty when there are problems. */
  readonly manifests: readonly SynthManifest[];
  readonly problems: readonly Problem[];
  /** SHA-256 (hex) of the rendered manifests: equal for equal output. */
  readonly digest: string;
  /** Milliseconds. */
  readonly bundleMs: number;
  readonly runMs: number;
}

/** Runs policy programs where they can't do harm. */
export interface Synthesizer {
  /**
   * Runs the program in `directory`. Whatever is wrong with the program is in `problems`; only the world's failures reject.
   * `signal` ends the run at once; the promise then rejects with the signal's reason.
   */
  synth(input: { readonly directory: string; readonly signal?: AbortSignal }): Promise<SynthResult>;
}

/** What a source answers when asked for its newest commit. */
export type Resolved = { readonly commit: string } | { readonly problems: readonly Problem[] };

/** A commit's files on disk, until `dispose`. */
export interface ExportedTree {
  readonly directory: string;
  readonly problems: readonly Problem[];
  dispose(): Promise<void>;
}

/** A Git repository, one reference of it, one folder. */
export interface Source {
  /** Without credentials. */
  readonly url: string;
  /** Cheap: asks only. Rejects with a StageError (`repository-unreachable`) when nobody answers. */
  resolve(signal: AbortSignal): Promise<Resolved>;
  /** Fetches and writes out. `moved`: the reference is somewhere else by now. */
  export(commit: string, signal: AbortSignal): Promise<ExportedTree | { readonly moved: string }>;
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

export interface CommitStatus {
  /** Full hash. */
  readonly commit: string;
  readonly context: string;
  readonly state: StatusState;
  /** At most 140 characters. */
  readonly description: string;
  readonly targetUrl?: string;
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

/** Never rejects: what goes wrong is in the result. */
export interface StatusHost {
  /** `signal` gives up waiting for an answer: `retry`. */
  post(status: CommitStatus, signal: AbortSignal): Promise<PostResult>;
}

/** One JSON value that survives a crash. */
export interface Store {
  load(): Promise<unknown>;
  save(value: unknown): Promise<void>;
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
  /** `resolve`, `fetch`, `synth`, `target`, `status`, `report`. */
  readonly stage: string;
  readonly message: string;
  readonly commit?: string;
  readonly context?: string;
  readonly state?: StatusState;
}

export type Log = (event: LogEvent) => void;
