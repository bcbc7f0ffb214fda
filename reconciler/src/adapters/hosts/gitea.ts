/** Gitea and Forgejo: commit statuses, comments and pull requests. Their states are ours. */
import { fitted, HOST_LIMITS } from '../../host-limits.ts';
import type { StatusState } from '../../outcome.ts';
import type { CommitStatus, FindResult, PostResult, StatusHost } from '../../ports.ts';
import { basic } from './credentials.ts';
import { textAt } from './json.ts';
import { found, judge, unknownOf } from './judge.ts';
import type { About, StatusKey } from './judge.ts';
import { list } from './pages.ts';
import { RestApi } from './rest.ts';
import type { HostOptions } from './rest.ts';
import { numberedPullRequest, numericComment, Reviews } from './reviews.ts';

/** What others may say, too: a warning doesn't fail a commit. */
const STATES: Readonly<Record<string, StatusState>> = {
  pending: 'pending',
  success: 'success',
  failure: 'failure',
  error: 'error',
  warning: 'success',
  skipped: 'success',
};

export function giteaApi(options: HostOptions): RestApi {
  return new RestApi('Gitea', options, (credentials) => {
    if (credentials.kind === 'app') return undefined;
    return { authorization: credentials.kind === 'token' ? `token ${credentials.token}` : basic(credentials) };
  });
}

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
    this.#base = baseOf(repository);
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
    return listed.all ? { kind: 'none' } : { kind: 'unknown', message: 'the commit has too many statuses to find ours among them' };
  }
}

export function giteaReviews(api: RestApi, { repository, apiUrl }: HostOptions): Reviews {
  const base = baseOf(repository);
  const comments = (pullRequest: number): string => `${base}/issues/${pullRequest}/comments`;
  return new Reviews(
    api,
    {
      limit: HOST_LIMITS.Gitea.comment,
      // All of them in one answer.
      comments,
      readComment: (item) => numericComment(item, 'user'),
      create: (pullRequest, body) => ({ method: 'POST', path: comments(pullRequest), body: { body } }),
      update: (_pullRequest, id, body) => ({ method: 'PATCH', path: `${base}/issues/comments/${id}`, body: { body } }),
      pullRequests: `${base}/pulls?state=open&limit=50`,
      readPullRequest: numberedPullRequest,
    },
    { host: 'Gitea', repository, permission: '"write:issue" and "read:repository"', apiUrl },
  );
}

function baseOf(repository: string): string {
  return `/repos/${repository.split('/').map(encodeURIComponent).join('/')}`;
}
