/** Everything that one source reports to its Git host: how far its commits are, what nodes make of them, and what pull requests would do. */
import { Announcer } from './announcer.ts';
import type { CommentQueue } from './comment-queue.ts';
import { plain } from './describe.ts';
import type { PlanParts } from './plan-commit.ts';
import type { Clock, Log, ResolvedCommit, Store } from './ports.ts';
import { PullRequestWatch } from './pull-request-watch.ts';
import { PullRequests } from './pull-requests.ts';
import type { Readiness } from './readiness.ts';
import { sourceName } from './source-loop-parts.ts';
import type { SourceIdentity } from './source-object.ts';
import { SourceObserver } from './source-observer.ts';
import type { SourceSpec } from './source-spec.ts';
import type { OpenStatuses, SourceStatuses } from './source-statuses.ts';
import type { StoredPolicies } from './stored-policies.ts';
import type { Telemetry } from './telemetry.ts';
import { VIOLATIONS_SETTINGS } from './violations-status.ts';

export interface ReportingParts {
  readonly identity: SourceIdentity;
  readonly statuses: SourceStatuses;
  /** Where what is known of violations survives. */
  readonly violations: Store;
  readonly readiness: Readiness;
  readonly stored: StoredPolicies;
  readonly telemetry: Telemetry | undefined;
  readonly cluster: string | undefined;
  /** The comments of a host, by the base of its API. */
  readonly comments: (apiUrl: string) => CommentQueue;
  readonly clock: Clock;
  readonly log: Log;
}

export class SourceReporting {
  readonly #parts: ReportingParts;
  #said: OpenStatuses | undefined;
  #observer: SourceObserver | undefined;
  #pulls: PullRequestWatch | undefined;
  #branch: string | undefined;

  constructor(parts: ReportingParts) {
    this.#parts = parts;
  }

  /** From now on as this spec says. Gives who speaks of the source's own commits, if anybody does. `plan`: how a pull request is planned. */
  async open(spec: SourceSpec, plan: Omit<PlanParts, 'progress'>): Promise<Announcer | undefined> {
    const { clock, identity, log, readiness, statuses, violations } = this.#parts;
    await this.#pulls?.pause();
    const said = await statuses.of(spec.statuses, spec.url);
    if (said === undefined) {
      this.#observer = undefined;
      this.#pulls = undefined;
      return undefined;
    }
    if (said !== this.#said)
      this.#observer = new SourceObserver({
        ...{ source: identity.uid, readiness, statuses: said.statuses, store: violations, clock, log, settings: VIOLATIONS_SETTINGS },
      });
    this.#said = said;
    if (spec.pullRequests === undefined) await this.#pulls?.end('the PolicySource does not look at pull requests any more');
    this.#pulls = this.#pullRequests(spec, plan, said);
    this.#branch = spec.ref.kind === 'branch' ? spec.ref.value : undefined;
    return new Announcer(said.statuses, spec.path, () => this.#pulls?.heads ?? []);
  }

  /** The source's own run begins: nobody else is in its way. */
  async pause(): Promise<void> {
    await this.#pulls?.pause();
  }

  /** The source's own run has ended. */
  resume({ commit }: ResolvedCommit): void {
    const { identity, log } = this.#parts;
    const onBug = (error: unknown): void =>
      log({
        level: 'error',
        stage: 'bug',
        source: sourceName(identity),
        message: plain(error instanceof Error ? (error.stack ?? '') : String(error)),
      });
    this.#pulls?.resume({ commit, ...(this.#branch === undefined ? {} : { branch: this.#branch }) }, onBug);
  }

  /** Nodes have told something new. Never rejects. */
  look(): void {
    const { identity, log } = this.#parts;
    this.#observer?.look().catch((error: unknown) => {
      log({
        level: 'error',
        stage: 'bug',
        source: sourceName(identity),
        message: plain(error instanceof Error ? (error.stack ?? '') : String(error)),
      });
    });
  }

  /** As `SourceStatuses` has it. */
  get queued(): SourceStatuses['queued'] {
    return this.#parts.statuses.queued;
  }

  /** The source is no more: what is pending ends. */
  async end(): Promise<void> {
    await this.#pulls?.end('the PolicySource was deleted');
    await this.#parts.statuses.end();
  }

  /** What is not said stays in the outbox, for whoever leads next. */
  async close(): Promise<void> {
    await this.#pulls?.pause();
    this.#observer = undefined;
    await this.#parts.statuses.close();
  }

  #pullRequests(spec: SourceSpec, plan: Omit<PlanParts, 'progress'>, { host, statuses }: OpenStatuses): PullRequestWatch | undefined {
    const { clock, cluster, comments, identity, log, stored, telemetry } = this.#parts;
    if (spec.pullRequests === undefined || spec.statuses === undefined) return undefined;
    const { comment, limit } = spec.pullRequests;
    const pullRequests = new PullRequests({
      ...{ plan, stored, telemetry, clock, log, source: sourceName(identity), cluster, statuses, host, limit, path: spec.path },
      comments: comment ? comments(spec.statuses.apiUrl) : undefined,
      provider: spec.statuses.provider,
    });
    return new PullRequestWatch(pullRequests, clock);
  }
}
