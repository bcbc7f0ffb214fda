/** Gitea and Forgejo: commit statuses, comments and pull requests. Their states are ours. */
import { fitted, HOST_LIMITS } from '../../host-limits.ts';
import type { StatusState } from '../../outcome.ts';
import type { CommitStatus, FindResult, PostResult, StatusHost } from '../../ports.ts';
import { textAt } from './json.ts';
import { found, judge, unknownOf } from './judge.ts';
import type { About, StatusKey } from './judge.ts';
import { list, TOO_MANY } from './pages.ts';
import type { HostOptions, RestApi } from './rest.ts';
import { issueComments, numberedPullRequest, numericComment, ownedPath, Reviews } from './reviews.ts';

/** What others may say, too: a warning doesn't fail a commit. */
const STATES: Readonly<Record<string, StatusState>> = {
  pending: 'pending',
  success: 'success',
  failure: 'failure',
  error: 'error',
  warning: 'success',
  skipped: 'success',
};

export class GiteaStatuses implements StatusHost {
  readonly limits = HOST_LIMITS.Gitea;
  readonly #api: RestApi;
  readonly #apiUrl: string;
  readonly #about: About;
  readonly #base: string;

  constructor(api: RestApi, { repository, apiUrl }: HostOptions) {
    this.#api = api;
    this.#apiUrl = apiUrl;
    this.#about = { host: 'Gitea', repository, permission: '"write:repository"' };
    this.#base = ownedPath(repository);
  }

  async post(status: CommitStatus, signal: AbortSignal): Promise<PostResult> {
    const { commit, context, state, description, targetUrl } = fitted(status, this.limits);
    const body = { context, state, description, ...(targetUrl === undefined ? {} : { target_url: targetUrl }) };
    const reply = await this.#api.ask({ method: 'POST', path: `${this.#base}/statuses/${commit}`, body }, signal);
    return reply.kind === 'answer' && reply.status === 201 ? { kind: 'posted' } : judge(reply, this.#about);
  }

  /** Gitea appends, and shows the newest of each context. */
  async find(about: StatusKey, signal: AbortSignal): Promise<FindResult> {
    const path = `${this.#base}/statuses/${about.commit}?sort=highestindex&limit=50`;
    const keep = (item: unknown): FindResult | undefined => {
      const state = STATES[textAt(item, 'status') ?? ''];
      if (state === undefined || textAt(item, 'context') !== about.context) return undefined;
      return found(about, { state, description: textAt(item, 'description'), targetUrl: textAt(item, 'target_url') });
    };
    const listed = await list(this.#api, { path, keep, apiUrl: this.#apiUrl, first: true }, signal);
    if (listed.kind === 'failed') return unknownOf(listed.reply, this.#about);
    if (listed.items[0] !== undefined) return listed.items[0];
    return listed.all ? { kind: 'none' } : { kind: 'unknown', message: TOO_MANY };
  }
}

export function giteaReviews(api: RestApi, { repository, apiUrl }: HostOptions): Reviews {
  const base = ownedPath(repository);
  const { of, create, update } = issueComments(base);
  return new Reviews(
    api,
    {
      limit: HOST_LIMITS.Gitea.comment,
      // All of them in one answer.
      comments: of,
      readComment: (item) => numericComment(item, 'user'),
      create,
      update,
      pullRequests: `${base}/pulls?state=open&limit=50`,
      readPullRequest: numberedPullRequest,
    },
    { host: 'Gitea', repository, permission: '"write:issue" and "read:repository"', apiUrl },
  );
}
