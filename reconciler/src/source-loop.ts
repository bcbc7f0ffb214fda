/**
 * The life of one PolicySource: wait until something is due, carry out the newest commit, say how it went, wait again. One run at a time; a newer
 * commit, or another spec, ends the one at work.
 */
import { Bell } from './bell.ts';
import { describeProblems } from './describe.ts';
import type { Resolved, ResolvedCommit } from './ports.ts';
import { Schedule } from './schedule.ts';
import type { LoopParts, OpenObject, SourceObject, SourceWork, StopReason } from './source-loop-parts.ts';
import { sourceName } from './source-loop-parts.ts';
import { endSource } from './source-end.ts';
import { failure, lineOf, refusal, reportOf, timedOut } from './source-report.ts';
import type { RunReport } from './source-report.ts';
import { nextStatus } from './source-status.ts';
import type { SourceEvent, SourceStatus } from './source-status.ts';
import { StageError } from './stage-error.ts';

/** Milliseconds until a source that can't go is looked at again, where it does not say itself. */
const AGAIN = 60_000;

interface Pursuit {
  readonly object: OpenObject;
  readonly work: SourceWork;
}

type Ended = Extract<RunReport, { readonly kind: 'ended' }>;

export class SourceLoop {
  readonly #parts: LoopParts;
  readonly #bell = new Bell();
  readonly #schedule: Schedule;
  #object: SourceObject;
  #status: SourceStatus;
  /** The commit that was resolved last. */
  #newest: ResolvedCommit | undefined;
  /** There is a reason to ask the repository. */
  #isStale = true;
  /** Somebody has called since the repository was last asked, or a run begun. */
  #isCalled = false;
  /** The failure that was logged last: one that goes on is said once. */
  #complaint = '';
  #isRunning = false;
  /** For a source that this one depends on. */
  #isWaiting = false;
  /** What the last run that came to an end left nowhere; `undefined` before there was one. */
  #refused: number | undefined;

  constructor(object: SourceObject, parts: LoopParts) {
    this.#parts = parts;
    this.#object = object;
    this.#status = object.status;
    this.#schedule = new Schedule(parts);
  }

  /** As it is told to the object, perhaps not arrived there yet. */
  get status(): SourceStatus {
    return this.#status;
  }

  /** The object is as `object` says now. */
  update(object: SourceObject): void {
    const before = this.#object;
    this.#object = object;
    if (!isSameRequest(before, object)) this.hint();
  }

  /** The repository has perhaps changed, or what we are asked to do. */
  hint(): void {
    this.#isStale = true;
    this.#isCalled = true;
    this.#schedule.within(0);
    this.#bell.ring();
  }

  /** A source that this one depends on is another one by now. */
  dependencyChanged(): void {
    if (!this.#isWaiting) return;
    this.#schedule.within(0);
    this.#bell.ring();
  }

  /** Somebody changed a policy of this source. */
  drifted(): void {
    // What a run sees of its own work, it has seen.
    if (this.#isRunning) return;
    this.#schedule.drifted();
    this.#bell.ring();
  }

  /** Nodes have told something new. */
  counted(): void {
    if (this.#refused === undefined) return;
    this.#become({ kind: 'counted', policies: this.#parts.counts(this.#object.identity, this.#refused) });
  }

  /** Until the object is gone or the signal is aborted. Rejects only for a bug. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted && !(await this.#step(signal)))
        while (!signal.aborted && this.#schedule.wait > 0) await this.#bell.heard(this.#parts.clock, this.#schedule.wait, signal);
    } finally {
      await this.#parts.close();
    }
  }

  /** One thing that is due; `true` when nothing is ever due again. */
  async #step(signal: AbortSignal): Promise<boolean> {
    const object = this.#object;
    const { identity, spec } = object;
    this.#schedule.never();
    if (identity.isDeleted) return this.#end(object, signal);
    if (spec === undefined) this.#become({ kind: 'stalled', message: describeProblems(object.problems) });
    else if (spec.suspend) this.#become({ kind: 'suspended' });
    else await this.#go({ ...object, spec }, signal);
    return false;
  }

  async #go(object: OpenObject, signal: AbortSignal): Promise<void> {
    const obstacle = this.#parts.obstacle(object);
    this.#isWaiting = obstacle !== undefined;
    if (obstacle === undefined) return this.#pursue(object, signal);
    this.#become({ kind: 'dependency-not-ready', message: obstacle });
    this.#schedule.within(object.spec.retryInterval);
  }

  /** The newest commit, to its end. */
  async #pursue(object: OpenObject, signal: AbortSignal): Promise<void> {
    const { clock, metrics } = this.#parts;
    const startedAt = new Date(clock.now());
    const { timeout } = object.spec;
    let limit: AbortSignal | undefined;
    const withinTime = async (): Promise<Ended | undefined> => {
      limit = AbortSignal.timeout(timeout);
      return this.#carryOut(object, AbortSignal.any([signal, limit]));
    };
    this.#isRunning = true;
    this.#isCalled = false;
    try {
      const report = await this.#parts.turn(withinTime, signal);
      if (report === undefined) metrics.runEnded('overtaken');
      else this.#conclude(object, report, startedAt);
    } catch (error) {
      if (signal.aborted) return;
      const revision = this.#newest?.revision;
      this.#conclude(object, limit?.aborted === true ? timedOut(timeout, revision) : failure(error, revision), startedAt);
    } finally {
      this.#isRunning = false;
      // About something that the run did not look at.
      if (this.#isCalled) this.#schedule.within(0);
    }
  }

  /** `undefined` when the object has changed meanwhile: then nothing is to be said. */
  async #carryOut(object: OpenObject, signal: AbortSignal): Promise<Ended | undefined> {
    const { identity, spec } = object;
    const work = await this.#parts.open(object, signal);
    if (spec.deletionPolicy !== 'Orphan') await this.#parts.setFinalizer(identity, true, signal);
    let commit = await this.#resolve({ object, work }, signal);
    for (;;) {
      if ('problems' in commit) return refusal(commit.problems, undefined);
      const next: Attempted = await this.#attempt({ object, work }, commit, signal);
      if (next === 'changed') return undefined;
      if ('kind' in next && next.kind === 'ended') return next;
      if ('kind' in next) this.#isStale = true;
      commit = 'kind' in next ? await this.#resolve({ object, work }, signal) : next;
    }
  }

  /** The newest commit; the repository is asked only where there is a reason to. */
  async #resolve({ object, work }: Pursuit, signal: AbortSignal): Promise<Resolved> {
    const known = this.#newest;
    if (known !== undefined && !this.#isStale && !this.#schedule.isTimeToAsk) return known;
    this.#isStale = false;
    this.#isCalled = false;
    if (known === undefined) this.#become({ kind: 'started' });
    try {
      const resolved = await work.resolve(signal);
      this.#schedule.asked(object.spec.interval);
      this.#newest = 'commit' in resolved ? resolved : undefined;
      return resolved;
    } catch (error) {
      this.#isStale = true;
      throw error;
    }
  }

  /** One commit, until its run has ended or something newer has come. */
  async #attempt({ object, work }: Pursuit, commit: ResolvedCommit, signal: AbortSignal): Promise<Attempted> {
    const { confirmPrune } = object.identity;
    this.#become({ kind: 'started', revision: commit.revision });
    const stopping = new AbortController();
    const ended = new AbortController();
    const run = work
      .run(commit, { pruneConfirmed: confirmPrune === commit.commit }, AbortSignal.any([signal, stopping.signal]))
      .finally(() => ended.abort());
    const stop = async (reason: StopReason): Promise<void> => {
      stopping.abort(reason);
      await run.catch((error: unknown) => {
        if (!(error instanceof StageError) && !stopping.signal.aborted) throw error;
      });
    };
    try {
      while (!ended.signal.aborted && !signal.aborted) {
        await this.#bell.heard(this.#parts.clock, object.spec.interval, AbortSignal.any([signal, ended.signal]));
        if (ended.signal.aborted || signal.aborted) break;
        if (!isSameRequest(this.#object, object)) {
          await stop('changed');
          return 'changed';
        }
        const newer = await this.#newerThan(commit, { object, work }, signal);
        if (newer === undefined) continue;
        await stop({ by: newer.commit });
        return newer;
      }
    } catch (error) {
      await stop('stopping');
      throw error;
    }
    return reportOf(await run, commit);
  }

  /** Another commit than the one at work, if the repository says so; one that doesn't answer now says nothing. */
  async #newerThan(commit: ResolvedCommit, at: Pursuit, signal: AbortSignal): Promise<ResolvedCommit | undefined> {
    try {
      this.#isStale = true;
      const now = await this.#resolve(at, signal);
      return 'commit' in now && now.commit !== commit.commit ? now : undefined;
    } catch (error) {
      if (error instanceof StageError) return undefined;
      throw error;
    }
  }

  #conclude({ identity, spec }: OpenObject, report: Ended, startedAt: Date): void {
    const { clock, metrics } = this.#parts;
    const name = sourceName(identity);
    this.#refused = report.refused;
    const policies = this.#parts.counts(identity, report.refused);
    this.#become(report.event({ startedAt, policies }));
    this.#schedule.concluded({
      interval: spec.interval,
      ...(report.retry ? { retry: spec.retryInterval } : {}),
      corrected: report.corrected > 0,
    });
    metrics.runEnded(report.outcome);
    if (report.outcome === 'applied') metrics.succeeded(name, clock.now());
    this.#parts.tell(identity, report);
    const line = lineOf(report, { source: name, commit: this.#newest, milliseconds: clock.now() - startedAt.getTime() });
    const complaint = line.level === 'info' ? '' : line.message;
    if (report.changed || complaint !== this.#complaint) this.#parts.log(line);
    this.#complaint = complaint;
  }

  async #end({ identity, spec }: SourceObject, signal: AbortSignal): Promise<boolean> {
    const failure = await endSource({ identity, spec }, this.#parts, signal);
    if (failure === undefined || signal.aborted) return true;
    this.#become({ kind: 'failed', ...failure, retry: true, startedAt: new Date(this.#parts.clock.now()) });
    this.#schedule.within(spec?.retryInterval ?? AGAIN);
    return false;
  }

  #become(event: SourceEvent): void {
    const { clock, metrics } = this.#parts;
    const { identity } = this.#object;
    const { generation, requestedAt } = identity;
    const next = nextStatus(this.#status, event, {
      now: new Date(clock.now()),
      generation,
      ...(requestedAt === undefined ? {} : { requestedAt }),
    });
    metrics.ready(
      sourceName(identity),
      next.conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    );
    if (next.policies !== undefined) metrics.policies(sourceName(identity), next.policies);
    if (next === this.#status) return;
    this.#status = next;
    this.#parts.say(identity, next);
  }
}

/** How an attempt ended: a run that came to its end, another commit, or `changed` for what is asked. */
type Attempted = RunReport | ResolvedCommit | 'changed';

/** Whether the two ask for the same. */
function isSameRequest({ identity: a }: SourceObject, { identity: b }: SourceObject): boolean {
  return (
    a.uid === b.uid &&
    a.generation === b.generation &&
    a.isDeleted === b.isDeleted &&
    a.requestedAt === b.requestedAt &&
    a.confirmPrune === b.confirmPrune
  );
}
