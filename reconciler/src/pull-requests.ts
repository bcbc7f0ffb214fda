/**
 * The open pull requests of one source: each new head is looked at, one after the other, and so is every head when what is in the cluster has
 * changed. What is found is said as statuses of the head and as one comment; nothing is ever applied, whoever the head is from.
 */
import { refKey } from '@parapet/policy';
import type { CommentQueue } from './comment-queue.ts';
import { plain } from './describe.ts';
import { hashOfValue } from './manifest.ts';
import type { CommentHost, OpenPullRequest, PullRequest } from './ports.ts';
import { commentMarker, commentSettings, pullRequestComment, pullRequestOutcome } from './pull-request-comment.ts';
import type { PullRequestReport } from './pull-request-comment.ts';
import { lookAt } from './pull-request-look.ts';
import type { LookParts } from './pull-request-look.ts';
import type { HostKind } from './source-spec.ts';
import { StageError } from './stage-error.ts';
import { supersededBy } from './status-words.ts';
import type { Topic } from './status-words.ts';
import type { Statuses } from './statuses.ts';
import { synthSaid } from './synth-said.ts';

export interface PullRequestsWiring extends LookParts {
  /** Those of the source. */
  readonly statuses: Statuses;
  readonly host: CommentHost;
  /** Absent where the source wants none. */
  readonly comments: CommentQueue | undefined;
  readonly provider: HostKind;
  /** Most pull requests that are looked at; the newest. */
  readonly limit: number;
  /** Folder of the program in the repository; `.` is all of it. */
  readonly path: string;
}

/** How far the source itself is. */
export interface Followed {
  /** The branch that pull requests are for; absent where the source follows something else, and every one is looked at. */
  readonly branch?: string;
  /** The commit that the source's own run speaks of. */
  readonly commit: string;
}

export interface LookedAll {
  /** How many were looked at now. */
  readonly looked: number;
  /** How many are still to be looked at: the world failed, or there was no more time. */
  readonly left: number;
  /** What kept it from looking for them at all: a sentence. */
  readonly failure?: string;
  /** Milliseconds until the host wants to be asked again. */
  readonly after?: number;
}

const TOPICS: readonly Topic[] = ['synth', 'diff'];

interface Seen {
  readonly commit: string;
  /** What was there when it was looked at; absent until it was. */
  readonly mark?: string;
  /** When its turn was last, as a running number. */
  readonly turn: number;
}

/** What there is to look at. */
interface Listed {
  readonly chosen: readonly PullRequest[];
  /** Numbers of all that are open; absent where only Git was asked, which does not know. */
  readonly open?: ReadonlySet<number>;
}

export class PullRequests {
  readonly #wiring: PullRequestsWiring;
  #seen = new Map<number, Seen>();
  #turns = 0;
  #complaint = '';

  constructor(wiring: PullRequestsWiring) {
    this.#wiring = wiring;
  }

  /** The commits of which this speaks: the source's own runs leave their statuses alone. */
  get heads(): readonly string[] {
    return [...this.#seen.values()].map(({ commit }) => commit);
  }

  /**
   * Looks at what is new; one call at a time. After an abort, which leaves a head pending, comes either another look or `end`. Never rejects but
   * for a bug.
   */
  async look(followed: Followed, signal: AbortSignal): Promise<LookedAll> {
    try {
      const listed = await this.#list(followed, signal);
      if ('failure' in listed) return { looked: 0, left: 0, ...listed };
      this.#note(listed, followed);
      const mark = await this.#mark(signal);
      const todo = listed.chosen.filter(({ number }) => this.#seen.get(number)?.mark !== mark);
      // Whoever pushes all the time must not keep the others waiting.
      const inTurn = todo.toSorted((a, b) => this.#turnOf(a) - this.#turnOf(b));
      let looked = 0;
      for (const pullRequest of inTurn) {
        if (signal.aborted) break;
        if (await this.#lookAt(pullRequest, { mark, isOpen: listed.open !== undefined }, signal)) looked += 1;
      }
      return { looked, left: todo.length - looked };
    } catch (error) {
      if (signal.aborted) return { looked: 0, left: 0, failure: 'there was no time' };
      if (error instanceof StageError) return { looked: 0, left: 0, failure: error.message };
      throw error;
    }
  }

  /** Ends what is pending, when nobody will look again. */
  end(description: string): void {
    for (const [number, { commit }] of this.#seen) {
      this.#endPending(commit, description);
      this.#dropComment(number);
    }
    this.#seen.clear();
  }

  #turnOf({ number }: PullRequest): number {
    return this.#seen.get(number)?.turn ?? 0;
  }

  async #list({ branch, commit }: Followed, signal: AbortSignal): Promise<Listed | { readonly failure: string; readonly after?: number }> {
    const { host, limit, plan } = this.#wiring;
    const listed = await host.pullRequests(signal);
    if (listed.kind === 'listed') {
      this.#complaint = '';
      const isOurs = (one: OpenPullRequest): boolean => (branch === undefined || one.base === branch) && one.commit !== commit;
      const open = new Set(listed.pullRequests.map(({ number }) => number));
      return { chosen: listed.pullRequests.filter(isOurs).slice(0, limit), open };
    }
    const { message, refused, after } = listed;
    if (!refused) return { failure: message, ...(after === undefined ? {} : { after }) };
    this.#complain(message);
    const heads = await plan.source.pullRequests(limit, signal);
    return { chosen: heads.filter((one) => one.commit !== commit) };
  }

  #complain(message: string): void {
    const { log, source } = this.#wiring;
    if (message === this.#complaint) return;
    this.#complaint = message;
    const instead = 'the newest heads get statuses, open or not, and no comments';
    log({ level: 'warn', stage: 'pull-request', source, message: `${plain(message)}; ${instead}` });
  }

  /** Takes note of what there is, and ends what is said of heads that are none any more. */
  #note({ chosen, open }: Listed, followed: Followed): void {
    const { limit, statuses } = this.#wiring;
    const heads = new Map(chosen.map(({ number, commit }) => [number, commit]));
    const spoken = new Set(heads.values());
    for (const [number, { commit }] of this.#seen) {
      const head = heads.get(number);
      if (head === undefined) this.#dropComment(number);
      if (spoken.has(commit) || commit === followed.commit) continue;
      const isOpen = open === undefined || open.has(number);
      const gone = isOpen ? `only the ${limit} newest pull requests are looked at` : 'the pull request is closed';
      this.#endPending(commit, head === undefined ? gone : supersededBy(head));
    }
    this.#seen = new Map(
      chosen.map(({ number, commit }) => {
        const { turn = 0, ...before } = this.#seen.get(number) ?? {};
        return [number, 'commit' in before && before.commit === commit ? { ...before, turn } : { commit, turn }];
      }),
    );
    // What an earlier process left, and nobody comes back to.
    const except = [followed.commit, ...spoken];
    if (open !== undefined) statuses.end({ topics: TOPICS, except, description: 'nobody looks at this commit any more' });
  }

  /** What is there and ours: a plan of the same head says the same as long as this is the same. */
  async #mark(signal: AbortSignal): Promise<string> {
    const existing = await this.#wiring.plan.delivery.survey([], signal);
    return hashOfValue(existing.map((one) => JSON.stringify([refKey(one), one.owner, one.fingerprint])).sort());
  }

  async #lookAt(
    pullRequest: PullRequest,
    { mark, isOpen }: { readonly mark: string; readonly isOpen: boolean },
    signal: AbortSignal,
  ): Promise<boolean> {
    const { statuses, path } = this.#wiring;
    const { number, commit } = pullRequest;
    this.#turns += 1;
    const seen: Seen = { commit, turn: this.#turns };
    this.#seen.set(number, { ...this.#seen.get(number), ...seen });
    this.#begin(commit);
    try {
      const look = await lookAt(this.#wiring, pullRequest, {
        signal,
        synthesized: (synthesis) => void statuses.set(commit, 'synth', synthSaid(synthesis, path)),
      });
      if (look.kind === 'moved') {
        this.#endPending(commit, supersededBy(look.to));
        return false;
      }
      this.#say(pullRequest, look.report, isOpen);
      this.#seen.set(number, { ...seen, mark });
      return true;
    } catch (error) {
      // It goes on where it was, or is ended.
      if (signal.aborted) return false;
      if (!(error instanceof StageError)) {
        this.#endPending(commit, 'the reconciler has a bug: see its log');
        throw error;
      }
      this.#failed(pullRequest, error);
      return false;
    }
  }

  /** What was said of a head stays until there is something else to say. */
  #begin(commit: string): void {
    const { statuses } = this.#wiring;
    const words = { synth: 'synthesizing policies', diff: 'waiting to be compared with the cluster' } as const;
    for (const topic of ['synth', 'diff'] as const)
      if (statuses.latest(commit, topic) === undefined) statuses.set(commit, topic, { state: 'pending', description: words[topic] });
  }

  #say({ number, commit }: PullRequest, report: PullRequestReport, isOpen: boolean): void {
    const { statuses, log, host, comments, provider, source } = this.#wiring;
    const outcome = pullRequestOutcome(report);
    statuses.set(commit, 'diff', outcome);
    log({ level: 'info', stage: 'pull-request', source, commit, message: `#${number}: ${outcome.description}` });
    if (!isOpen) return;
    const onlyChange = report.problems.length === 0 && report.diff?.policies.length === 0;
    const body = pullRequestComment(report, commentSettings(provider));
    comments?.put({ host, comment: { pullRequest: number, marker: commentMarker(report), body, onlyChange } });
  }

  #failed({ number, commit }: PullRequest, error: StageError): void {
    const { log, source } = this.#wiring;
    const message = `${error.stage} failed: ${plain(error.message)}`;
    this.#endPending(commit, message);
    log({ level: 'warn', stage: 'pull-request', source, commit, message: `#${number}: ${message}` });
  }

  #endPending(commit: string, description: string): void {
    const { statuses } = this.#wiring;
    for (const topic of TOPICS)
      if (statuses.latest(commit, topic)?.state === 'pending') statuses.set(commit, topic, { state: 'error', description });
  }

  #dropComment(pullRequest: number): void {
    const { comments, cluster, source } = this.#wiring;
    comments?.drop({ pullRequest, marker: commentMarker({ source, ...(cluster === undefined ? {} : { cluster }) }) });
  }
}
