/** How the commits of one source are carried out, with one spec: what is said of them on the way, and what is kept of the last one. */
import type { Announcer } from './announcer.ts';
import type { Prepared, Unusable } from './plan-commit.ts';
import type { Resolved, ResolvedCommit } from './ports.ts';
import type { SourceWork, StopReason } from './source-loop-parts.ts';
import { rulesOf } from './source-rules.ts';
import { runSource } from './source-run.ts';
import type { Delivered, RunParts, SourceRunResult } from './source-run.ts';
import type { SourceSpec } from './source-spec.ts';
import { StageError } from './stage-error.ts';
import { StageTimes } from './stage-times.ts';

export interface WorkParts {
  readonly run: Omit<RunParts, 'rules' | 'progress'>;
  readonly spec: SourceSpec;
  /** Absent where commits get no statuses. */
  readonly announcer?: Announcer;
  /** Hears of a commit that comes to nothing, so that whoever takes what is delivered is told; never rejects. */
  readonly onRefused?: (why: 'refused' | 'unverified' | 'failed', message: string, signal: AbortSignal) => Promise<void>;
  /** Makes way for a run; hears when it has ended. */
  readonly others?: { pause(): Promise<void>; resume(commit: ResolvedCommit): void };
  /** Hears of what was carried out, each time. */
  readonly onDelivered?: (delivered: Delivered) => void;
}

export class CommitWork implements SourceWork {
  readonly #parts: WorkParts;
  /** Of the last commit: it is asked about again at every interval, and after every change in the cluster. */
  #last: Prepared | (Extract<Unusable, { readonly kind: 'refused' }> & { readonly commit: string }) | undefined;

  constructor(parts: WorkParts) {
    this.#parts = parts;
  }

  resolve(signal: AbortSignal): Promise<Resolved> {
    const { source } = this.#parts.run;
    return new StageTimes(this.#parts.run).time('resolve', () => source.resolve(signal));
  }

  async run(
    commit: ResolvedCommit,
    { pruneConfirmed }: { readonly pruneConfirmed: boolean },
    signal: AbortSignal,
  ): Promise<SourceRunResult> {
    const { others } = this.#parts;
    await others?.pause();
    const result = await this.#carryOut(commit.commit, pruneConfirmed, signal);
    if (result.kind !== 'moved') others?.resume(commit);
    return result;
  }

  async #carryOut(commit: string, pruneConfirmed: boolean, signal: AbortSignal): Promise<SourceRunResult> {
    const { announcer } = this.#parts;
    const last = this.#last?.commit === commit ? this.#last : undefined;
    // Same commit, same result: its author has been told.
    if (last?.kind === 'refused') return last;
    announcer?.begin(commit);
    try {
      const result = await runSource(this.#runParts(commit, pruneConfirmed), last ?? commit, signal);
      if (result.kind === 'delivered') this.#delivered(commit, result);
      if (result.kind === 'refused') await this.#refused(commit, result, signal);
      if (result.kind === 'moved') announcer?.superseded(commit, result.to);
      return result;
    } catch (error) {
      await this.#broken(commit, error, signal);
      throw error;
    }
  }

  #runParts(commit: string, pruneConfirmed: boolean): RunParts {
    const { announcer, run, spec } = this.#parts;
    const rules = rulesOf(spec, pruneConfirmed);
    if (announcer === undefined) return { ...run, rules };
    return {
      ...run,
      rules,
      progress: {
        synthesized: (synthesis) => announcer.synthesized(commit, synthesis),
        planned: (planned) => announcer.planned(commit, planned),
      },
    };
  }

  #delivered(commit: string, result: Delivered): void {
    this.#last = result.prepared;
    this.#parts.announcer?.delivered(commit, result);
    this.#parts.onDelivered?.(result);
  }

  async #refused(commit: string, result: Extract<Unusable, { readonly kind: 'refused' }>, signal: AbortSignal): Promise<void> {
    this.#last = { ...result, commit };
    const { onRefused } = this.#parts;
    const isUnverified = result.problems.some(({ code }) => code === 'signature-invalid');
    await onRefused?.(isUnverified ? 'unverified' : 'refused', result.problems[0]?.message ?? 'the commit is refused', signal);
  }

  async #broken(commit: string, error: unknown, signal: AbortSignal): Promise<void> {
    const { announcer, onRefused, spec } = this.#parts;
    if (signal.aborted && isStopReason(signal.reason)) {
      if (typeof signal.reason === 'object') announcer?.superseded(commit, signal.reason.by);
      return;
    }
    const failure = signal.aborted ? new StageError('target', `it took longer than ${spec.timeout / 1000} s (spec.timeout)`) : error;
    if (!(failure instanceof StageError)) return;
    announcer?.failed(commit, failure);
    if (!signal.aborted) await onRefused?.('failed', failure.message, signal);
  }
}

/** Time that is up has another one. */
function isStopReason(reason: unknown): reason is StopReason {
  return reason === 'stopping' || reason === 'changed' || (typeof reason === 'object' && reason !== null && Object.hasOwn(reason, 'by'));
}
