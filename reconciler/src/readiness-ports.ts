/** What readiness needs of the cluster: what nodes report, and somewhere to write what follows for each policy. */
import type { PolicyRef } from '@parapet/policy';
import type { PolicyStatus } from './policy-status.ts';

export interface NodeReportHandlers {
  /** `value` is the object as it is there, whatever it holds; `written`: when it was last written, in milliseconds since the epoch, where that is known. */
  onReport(node: string, value: unknown, written: number | undefined): void;
  onGone(node: string): void;
  /** All that there was at the start has been told; may be called again. */
  onSynced(): void;
}

export interface NodeReports {
  /** Tells of every report, at first and whenever one changes, until the signal is aborted. Whatever breaks meanwhile is begun anew. */
  watch(handlers: NodeReportHandlers, signal: AbortSignal): Promise<void>;
}

export interface StatusChange {
  readonly ref: PolicyRef;
  readonly status: PolicyStatus;
}

export interface FailedChange {
  readonly ref: PolicyRef;
  readonly message: string;
}

export interface PolicyStatusWriter {
  /** Gives those that could not be written, and why. A policy that is gone is no failure. Never rejects. */
  write(changes: readonly StatusChange[], signal: AbortSignal): Promise<readonly FailedChange[]>;
}
