/** What the life of a PolicySource needs from outside. */
import type { Problem } from '@parapet/policy';
import type { Clock, Log, Metrics, Resolved, ResolvedCommit } from './ports.ts';
import type { SourceIdentity } from './source-object.ts';
import type { RunReport } from './source-report.ts';
import type { SourceRunResult } from './source-run.ts';
import type { SourceSpec } from './source-spec.ts';
import type { PolicyCounts, SourceStatus } from './source-status.ts';

/** A PolicySource as it is now; its status is the one that the object has. */
export interface SourceObject {
  readonly identity: SourceIdentity;
  /** Absent where it is wrong. */
  readonly spec?: SourceSpec;
  readonly problems: readonly Problem[];
  readonly status: SourceStatus;
}

export type OpenObject = SourceObject & { readonly spec: SourceSpec };

/** Why a run is told to stop. */
export type StopReason = 'stopping' | 'changed' | { readonly by: string };

/** What a source with one spec is carried out with. */
export interface SourceWork {
  resolve(signal: AbortSignal): Promise<Resolved>;
  /** `pruneConfirmed`: this commit may remove more than the limit. Rejects as `runSource` does. */
  run(commit: ResolvedCommit, options: { readonly pruneConfirmed: boolean }, signal: AbortSignal): Promise<SourceRunResult>;
}

/** All of it is about one source. */
export interface LoopParts {
  /** What it is carried out with: the same as long as spec and keys are. Rejects with a StageError. */
  open(object: OpenObject, signal: AbortSignal): Promise<SourceWork>;
  /** Takes back what was delivered; the problems are about what could not be. Rejects with a StageError. */
  withdraw(spec: SourceSpec, signal: AbortSignal): Promise<readonly Problem[]>;
  /** Gives back whatever was opened. */
  close(): Promise<void>;
  /** Why a source that this one depends on is not ready; `undefined` when all are. */
  obstacle(object: OpenObject): string | undefined;
  /** Takes the newest status for the object; never rejects. */
  say(identity: SourceIdentity, status: SourceStatus): void;
  /** Puts our finalizer on the object, or takes it off. Rejects with a StageError. */
  setFinalizer(identity: SourceIdentity, wanted: boolean, signal: AbortSignal): Promise<void>;
  /** For the object's events. */
  tell(identity: SourceIdentity, report: Extract<RunReport, { readonly kind: 'ended' }>): void;
  /** What nodes do with its policies; `refused`: how many are nowhere. */
  counts(identity: SourceIdentity, refused: number): PolicyCounts;
  /** A turn among all sources: only so many run at a time. */
  turn<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** `namespace/name` */
export function sourceName({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}
