/** How a run ended, as the PolicySource's status, its events and its log say it. */
import type { Problem } from '@parapet/policy';
import { describeProblems } from './describe.ts';
import type { LogEvent, ResolvedCommit } from './ports.ts';
import { countChange, describeRevision } from './revision.ts';
import type { SourceRunResult } from './source-run.ts';
import type { PolicyCounts, SourceEvent } from './source-status.ts';
import { StageError } from './stage-error.ts';

/** - `moved`: there is another commit by now, and nothing was done. */
export type RunReport =
  | { readonly kind: 'moved'; readonly to: string }
  | {
      readonly kind: 'ended';
      readonly outcome: 'applied' | 'refused' | 'failed';
      readonly message: string;
      /** Whether to try again without a new commit. */
      readonly retry: boolean;
      /** Policies that are nowhere, because no version of them was ever good. */
      readonly refused: number;
      /** Policies that somebody else had changed and that were put right. */
      readonly corrected: number;
      /** Whether anything was written. */
      readonly changed: boolean;
      readonly problems: readonly Problem[];
      event(at: { readonly startedAt: Date; readonly policies: PolicyCounts }): SourceEvent;
    };

type Ended = Extract<RunReport, { readonly kind: 'ended' }>;

/** `commit`: what was to be carried out. */
export function reportOf(result: SourceRunResult, commit: ResolvedCommit): RunReport {
  if (result.kind === 'moved') return result;
  if (result.kind === 'refused') return refusal(result.problems, commit.revision);
  const { revision, problems } = result;
  const { policies } = revision;
  const errors = problems.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  const done = describeRevision(policies);
  const message = first === undefined ? done : `${done}: ${describeProblems(errors)}`;
  const digest = `sha256:${revision.digest}`;
  const unconfirmed = errors.length > 0 && errors.every(({ code }) => code === 'prune-blocked' || code === 'empty-result');
  const written = policies.filter(({ change }) => change === 'added' || change === 'changed' || change === 'removed');
  return {
    kind: 'ended',
    outcome: 'applied',
    message,
    retry: false,
    refused: countChange(policies, 'refused'),
    corrected: policies.filter(({ drifted, change }) => drifted === true && change === 'changed').length,
    changed: written.length > 0,
    problems,
    event: ({ startedAt, policies: counts }) => {
      if (unconfirmed)
        return {
          kind: 'failed',
          stage: 'target',
          reason: 'PruneNotConfirmed',
          retry: false,
          message,
          revision: commit.revision,
          digest,
          startedAt,
        };
      const kind = first === undefined ? 'succeeded' : 'partly-applied';
      return { kind, revision: commit.revision, digest, startedAt, policies: counts, message };
    },
  };
}

/** The commit, or the reference that names it, can't be used; it is the author's turn. */
export function refusal(problems: readonly Problem[], revision: string | undefined): Ended {
  const message = describeProblems(problems);
  const isUnsigned = problems.some(({ code }) => code === 'signature-invalid');
  return {
    ...NOTHING_DONE,
    outcome: 'refused',
    message,
    retry: false,
    problems,
    event: ({ startedAt }) => ({
      ...{ kind: 'failed', stage: 'synth', reason: isUnsigned ? 'VerificationFailed' : 'CommitRefused', retry: false, message, startedAt },
      ...(revision === undefined ? {} : { revision }),
    }),
  };
}

/** The world failed. Whatever is no StageError is a bug, and thrown on. */
export function failure(error: unknown, revision: string | undefined): Ended {
  if (!(error instanceof StageError)) throw error;
  const { stage, message, retry, code } = error;
  return {
    ...NOTHING_DONE,
    outcome: 'failed',
    message,
    retry,
    problems: code === undefined ? [] : [{ code, severity: 'error', place: {}, message }],
    event: ({ startedAt }) => ({ kind: 'failed', stage, retry, message, startedAt, ...(revision === undefined ? {} : { revision }) }),
  };
}

/** The run took longer than its source allows. `timeout` in milliseconds. */
export function timedOut(timeout: number, revision: string | undefined): Ended {
  const message = `it took longer than ${Math.round(timeout / 1000)} s (spec.timeout)`;
  return {
    ...NOTHING_DONE,
    outcome: 'failed',
    message,
    retry: true,
    problems: [],
    event: ({ startedAt }) => ({
      ...{ kind: 'failed', stage: 'target', reason: 'Timeout', retry: true, message, startedAt },
      ...(revision === undefined ? {} : { revision }),
    }),
  };
}

/** A run's line in the log. */
export function lineOf(
  { outcome, message, problems }: Ended,
  about: { readonly source: string; readonly commit: ResolvedCommit | undefined; readonly milliseconds: number },
): LogEvent {
  const { source, commit, milliseconds } = about;
  const codes = [...new Set(problems.map(({ code }) => code))];
  return {
    level: outcome !== 'applied' ? 'error' : codes.length > 0 ? 'warn' : 'info',
    stage: outcome === 'refused' ? 'synth' : 'target',
    source,
    message,
    ...(commit === undefined ? {} : { revision: commit.revision, commit: commit.commit }),
    ...(codes.length === 0 ? {} : { problems: codes }),
    durationMs: milliseconds,
  };
}

const NOTHING_DONE = { kind: 'ended', refused: 0, corrected: 0, changed: false } as const;
