/** Pull requests of a source in a world of the test's: what the host lists, what is commented and said, what is in the cluster. */
import { refKey } from '@parapet/policy';
import type { ApiObject } from '../../../reconciler/src/api-object.ts';
import { CommentQueue } from '../../../reconciler/src/comment-queue.ts';
import { HOST_LIMITS } from '../../../reconciler/src/host-limits.ts';
import { Pace } from '../../../reconciler/src/pace.ts';
import type { CommentHost, OpenPullRequest, PullRequestComment, PullRequestsResult, StatusHost } from '../../../reconciler/src/ports.ts';
import type { LookedAll, PullRequests, PullRequestsWiring } from '../../../reconciler/src/pull-requests.ts';
import type { Topic } from '../../../reconciler/src/status-words.ts';
import { hash, manifest, memoryLog } from './builders.ts';
import { FakeClock, memoryStore, statusesFor } from './fakes.ts';
import { Planning } from './planning.ts';

/** The commit that the source itself is at. */
export const MAIN = hash('0');

export const pull = (number: number, commit: string, base = 'main'): OpenPullRequest => ({
  ...{ number, commit, base },
  ref: `refs/pull/${number}/head`,
});

export const look = (pulls: PullRequests, signal = new AbortController().signal): Promise<LookedAll> =>
  pulls.look({ branch: 'main', commit: MAIN }, signal);

const statusHost: StatusHost = {
  limits: HOST_LIMITS.GitHub,
  post: () => Promise.resolve({ kind: 'posted' }),
  find: () => Promise.resolve({ kind: 'none' }),
};

export class PullRequestWorld {
  readonly planning = new Planning();
  readonly clock = new FakeClock();
  readonly log = memoryLog();
  readonly store = memoryStore();
  readonly statuses = statusesFor({ host: statusHost, store: this.store, clock: this.clock, log: this.log.log });
  readonly comments = new CommentQueue({
    ...{ clock: this.clock, log: this.log.log, random: () => 1 },
    pace: new Pace(HOST_LIMITS.GitHub.pace, this.clock),
  });
  /** What the host answers to who asks for open pull requests. */
  answer: PullRequestsResult = { kind: 'listed', pullRequests: [] };
  readonly #commented: PullRequestComment[] = [];
  readonly #host: CommentHost = {
    upsert: (comment) => {
      this.#commented.push(comment);
      return Promise.resolve({ kind: 'posted' });
    },
    pullRequests: () => Promise.resolve(this.answer),
  };

  wiring(more: Partial<PullRequestsWiring> = {}): PullRequestsWiring {
    return {
      plan: this.planning.parts(),
      stored: { list: () => Promise.resolve(this.#stored()) },
      telemetry: undefined,
      clock: this.clock,
      log: this.log.log,
      source: 'parapet-system/shop',
      cluster: 'prod',
      statuses: this.statuses,
      host: this.#host,
      comments: this.comments,
      provider: 'GitHub',
      limit: 20,
      path: 'policies',
      ...more,
    };
  }

  opened(...pullRequests: readonly OpenPullRequest[]): void {
    this.answer = { kind: 'listed', pullRequests };
  }

  /** Puts policies into the cluster, as a run of the source would. */
  applied(...names: readonly string[]): void {
    const { there } = this.planning.delivery;
    there.clear();
    for (const name of names) {
      const ref = { kind: 'KubeArmorPolicy', namespace: 'shop', name } as const;
      there.set(refKey(ref), { ...ref, manifest: manifest(name), fingerprint: `applied ${name}`, rules: 1 });
    }
  }

  /** What was said of a commit last. */
  said(commit: string): Partial<Record<Topic, string>> {
    return Object.fromEntries(
      (['synth', 'diff'] as const).map((topic) => {
        const status = this.statuses.latest(commit, topic);
        return [topic, status && `${status.state}: ${status.description}`];
      }),
    );
  }

  /** What is commented once everything that waits is delivered. */
  async commented(): Promise<readonly PullRequestComment[]> {
    const stop = new AbortController();
    const delivering = this.comments.deliver(stop.signal);
    await this.clock.advance(100);
    stop.abort();
    await delivering;
    return this.#commented;
  }

  #stored(): readonly ApiObject[] {
    return [...this.planning.delivery.there.values()].map((desired) => desired.manifest);
  }
}
