/**
 * The status of a PolicySource, as kstatus reads it: from the last one and what has just happened to the next one. `Ready` is whether the newest
 * commit is applied whole; `Reconciling` whether more will be done without anybody's help; `Stalled` that nothing will before the object changes.
 * Each is always there, once; time is told, never asked.
 */
import { clip, plain } from './describe.ts';
import type { Stage } from './stage-error.ts';

export type ConditionType = 'Ready' | 'Reconciling' | 'Stalled';

export interface Condition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  /** A word for programs. */
  readonly reason: string;
  readonly message: string;
  /** When the status became what it is, RFC 3339. */
  readonly lastTransitionTime: string;
  readonly observedGeneration: number;
}

export interface PolicyCounts {
  readonly total: number;
  readonly enforced: number;
  readonly degraded: number;
  readonly refused: number;
  readonly pending?: number;
}

export const OUTCOMES = ['Succeeded', 'PartlyApplied', 'Failed'] as const;

/** Equal runs in a row: of one revision, with one digest and one outcome. */
export interface HistoryEntry {
  readonly revision?: string;
  readonly digest?: string;
  readonly outcome: (typeof OUTCOMES)[number];
  /** The last one's. */
  readonly message: string;
  /** Of the first. */
  readonly startedAt: string;
  /** Of the last. */
  readonly finishedAt: string;
  readonly count: number;
}

export interface SourceStatus {
  /** The newest generation that was carried out whole, or that can never be. */
  readonly observedGeneration?: number;
  readonly conditions: readonly Condition[];
  readonly lastAttemptedRevision?: string;
  /** Of the last commit that was applied whole. */
  readonly lastAppliedRevision?: string;
  readonly lastAppliedDigest?: string;
  readonly lastHandledReconcileAt?: string;
  readonly policies?: PolicyCounts;
  /** Newest first. */
  readonly history: readonly HistoryEntry[];
}

/** That of a source at which nobody has looked yet. */
export const NO_STATUS: SourceStatus = { conditions: [], history: [] };
export const MAX_HISTORY = 10;
/** What conditions may hold is more; what people read at a glance is less. */
export const MAX_MESSAGE = 1024;

/** Why a run failed, by where; `CommitRefused` is the author's, `PruneNotConfirmed` and `VerificationFailed` are for whoever answers for it. */
export const REASON_OF_STAGE: Readonly<Record<Stage, string>> = {
  resolve: 'SourceUnreachable',
  fetch: 'FetchFailed',
  synth: 'SynthFailed',
  target: 'ApplyFailed',
  status: 'StatusFailed',
  secret: 'SecretUnusable',
  listen: 'ListenFailed',
};
export type FailureReason = 'CommitRefused' | 'PruneNotConfirmed' | 'VerificationFailed' | 'Timeout' | 'AccessDenied';

interface EndedRun {
  /** Flux's form: `main@sha1:…`. */
  readonly revision: string;
  /** `sha256:…` */
  readonly digest: string;
  readonly startedAt: Date;
  readonly policies: PolicyCounts;
  readonly message: string;
}

export type SourceEvent =
  /** `revision` where it is known by then. */
  | { readonly kind: 'started'; readonly revision?: string }
  | ({ readonly kind: 'succeeded' } & EndedRun)
  /** Applied, but for policies that keep their last good version or have none. */
  | ({ readonly kind: 'partly-applied' } & EndedRun)
  /** `retry`: it is tried again without a new commit. */
  | {
      readonly kind: 'failed';
      readonly stage: Stage;
      readonly reason?: FailureReason;
      readonly retry: boolean;
      readonly message: string;
      readonly revision?: string;
      readonly digest?: string;
      readonly startedAt: Date;
    }
  /** The spec itself is wrong. */
  | { readonly kind: 'stalled'; readonly message: string }
  | { readonly kind: 'suspended' }
  | { readonly kind: 'dependency-not-ready'; readonly message: string }
  /** Nodes have told something new. */
  | { readonly kind: 'counted'; readonly policies: PolicyCounts };

/** When it happened, and to which generation of the object. */
export interface Moment {
  readonly now: Date;
  readonly generation: number;
  /** The annotation that asked for this run, where there is one. */
  readonly requestedAt?: string;
}

/** The next status; the very same object where nothing about it changes. */
export function nextStatus(previous: SourceStatus, event: SourceEvent, moment: Moment): SourceStatus {
  const next = defined({ ...previous, ...changeOf(previous, event, moment), ...handled(event, moment) });
  return JSON.stringify(next) === JSON.stringify(defined(previous)) ? previous : next;
}

function changeOf(previous: SourceStatus, event: SourceEvent, moment: Moment): Partial<SourceStatus> {
  const say = (verdict: Verdict): Pick<SourceStatus, 'conditions'> => ({ conditions: conditionsOf(previous, verdict, moment) });
  switch (event.kind) {
    case 'started':
      return started(previous, event.revision, moment);
    case 'succeeded': {
      const { revision, digest, policies, message } = event;
      const applied = { lastAttemptedRevision: revision, lastAppliedRevision: revision, lastAppliedDigest: digest, policies };
      const conditions = say({ ready: 'True', reason: 'Succeeded', message });
      return { ...conditions, ...applied, observedGeneration: moment.generation, history: remember(previous, event, moment) };
    }
    case 'partly-applied': {
      const { revision, policies, message } = event;
      const conditions = say({ ready: 'False', reason: 'PartlyApplied', message });
      return { ...conditions, lastAttemptedRevision: revision, policies, history: remember(previous, event, moment) };
    }
    case 'failed': {
      const { stage, reason = REASON_OF_STAGE[stage], message, retry, revision } = event;
      const conditions = say({ ready: 'False', reason, message, ...(retry ? { reconciling: 'ProgressingWithRetry' } : {}) });
      return {
        ...conditions,
        ...(revision === undefined ? {} : { lastAttemptedRevision: revision }),
        history: remember(previous, event, moment),
      };
    }
    case 'stalled':
      return {
        ...say({ ready: 'False', reason: 'InvalidSpec', message: event.message, isStalled: true }),
        observedGeneration: moment.generation,
      };
    case 'suspended':
      return suspended(previous, moment);
    case 'dependency-not-ready':
      return say({ ready: 'False', reason: 'DependencyNotReady', message: event.message, reconciling: 'ProgressingWithRetry' });
    case 'counted':
      return { policies: event.policies };
  }
}

/**
 * What is in force stays ready while it is only looked at again, and what has failed stays failed while it is tried again: whoever watches sees
 * what changes, and nothing flickers.
 */
function started(previous: SourceStatus, revision: string | undefined, moment: Moment): Partial<SourceStatus> {
  const ready = previous.conditions.find(({ type }) => type === 'Ready');
  const isSame = ready?.observedGeneration === moment.generation;
  const attempted = revision === undefined ? {} : { lastAttemptedRevision: revision };
  if (isSame && ready.status === 'True' && (revision === undefined || revision === previous.lastAppliedRevision)) return attempted;
  if (isSame && ready.status === 'False' && (revision === undefined || revision === previous.lastAttemptedRevision)) {
    const { reason, message } = ready;
    return {
      conditions: conditionsOf(previous, { ready: 'False', reason, message, reconciling: 'ProgressingWithRetry' }, moment),
      ...attempted,
    };
  }
  const message = revision === undefined ? 'looking for the newest commit' : `carrying out ${revision}`;
  return {
    conditions: conditionsOf(previous, { ready: 'Unknown', reason: 'Progressing', message, reconciling: 'Progressing' }, moment),
    ...attempted,
  };
}

/** Whatever is applied stays, so it is as ready as it was; of this generation nothing is known. */
function suspended(previous: SourceStatus, moment: Moment): Partial<SourceStatus> {
  const ready = previous.conditions.find(({ type }) => type === 'Ready');
  const applied = previous.lastAppliedRevision;
  const message = applied === undefined ? 'suspended; nothing is applied' : `suspended; ${applied} stays applied`;
  const conditions = conditionsOf(previous, { ready: ready?.status === 'True' ? 'True' : 'False', reason: 'Suspended', message }, moment);
  if (ready?.status !== 'True') return { conditions };
  const { observedGeneration } = ready;
  return { conditions: conditions.map((one) => (one.type === 'Ready' ? { ...one, observedGeneration } : one)) };
}

/** What all three conditions come from, so that they never contradict one another. */
interface Verdict {
  readonly ready: Condition['status'];
  readonly reason: string;
  readonly message: string;
  /** Why more will be done by itself; absent: nothing will. */
  readonly reconciling?: 'Progressing' | 'ProgressingWithRetry';
  readonly isStalled?: boolean;
}

function conditionsOf(previous: SourceStatus, verdict: Verdict, { now, generation }: Moment): readonly Condition[] {
  const { ready, reason, reconciling, isStalled = false } = verdict;
  const message = clip(plain(verdict.message), MAX_MESSAGE);
  const wanted: readonly Pick<Condition, 'type' | 'status' | 'reason'>[] = [
    { type: 'Ready', status: ready, reason },
    { type: 'Reconciling', status: reconciling === undefined ? 'False' : 'True', reason: reconciling ?? reason },
    { type: 'Stalled', status: isStalled ? 'True' : 'False', reason },
  ];
  return wanted.map((one) => {
    const before = previous.conditions.find(({ type }) => type === one.type);
    const lastTransitionTime = before?.status === one.status ? before.lastTransitionTime : timeText(now);
    return { ...one, message, lastTransitionTime, observedGeneration: generation };
  });
}

type Ended = Extract<SourceEvent, { readonly startedAt: Date }>;
const OUTCOME_OF = { succeeded: 'Succeeded', 'partly-applied': 'PartlyApplied', failed: 'Failed' } as const;

function remember({ history }: SourceStatus, event: Ended, { now }: Moment): readonly HistoryEntry[] {
  const { revision, digest } = event;
  const entry: HistoryEntry = {
    ...(revision === undefined ? {} : { revision }),
    ...(digest === undefined ? {} : { digest }),
    outcome: OUTCOME_OF[event.kind],
    message: clip(plain(event.message), MAX_MESSAGE),
    startedAt: timeText(event.startedAt),
    finishedAt: timeText(now),
    count: 1,
  };
  const [last, ...older] = history;
  const isAgain = last?.revision === entry.revision && last?.digest === entry.digest && last?.outcome === entry.outcome;
  const merged =
    isAgain && last !== undefined ? [{ ...entry, startedAt: last.startedAt, count: last.count + 1 }, ...older] : [entry, ...history];
  return merged.slice(0, MAX_HISTORY);
}

/** A request counts as handled when there is an answer to it. */
function handled(event: SourceEvent, { requestedAt }: Moment): Pick<SourceStatus, 'lastHandledReconcileAt'> {
  const hasAnswer = event.kind !== 'started' && event.kind !== 'counted' && event.kind !== 'suspended';
  return hasAnswer && requestedAt !== undefined ? { lastHandledReconcileAt: requestedAt } : {};
}

/** As Kubernetes writes times: to the second. */
function timeText(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** In one order of fields, whatever order they came in. */
function defined(status: SourceStatus): SourceStatus {
  const { observedGeneration, conditions, lastAttemptedRevision, lastAppliedRevision, lastAppliedDigest, lastHandledReconcileAt } = status;
  const { policies, history } = status;
  const fields = { observedGeneration, conditions, lastAttemptedRevision, lastAppliedRevision, lastAppliedDigest, lastHandledReconcileAt };
  return Object.fromEntries(
    Object.entries({ ...fields, policies, history }).filter(([, value]) => value !== undefined),
  ) as unknown as SourceStatus;
}
