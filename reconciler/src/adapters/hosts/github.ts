/** GitHub: commit statuses with a token, check runs as an App; comments and pull requests with either. */
import { fitted, HOST_LIMITS } from '../../host-limits.ts';
import type { StatusState } from '../../outcome.ts';
import type { CommitStatus, FindResult, PostResult, StatusHost } from '../../ports.ts';
import { GitHubChecks } from './github-checks.ts';
import { listAt, numberAt, textAt } from './json.ts';
import { found, judge, unknownOf } from './judge.ts';
import type { About, StatusKey } from './judge.ts';
import type { OctokitApi } from './octokit.ts';
import { MOST_PAGES, TOO_MANY } from './pages.ts';
import { issueComments, numberedPullRequest, numericComment, numericSelf, ownedPath, Reviews } from './reviews.ts';
import type { FoundComment, Self } from './reviews.ts';
import type { HostOptions } from './rest.ts';

const STATES: readonly string[] = ['pending', 'success', 'failure', 'error'] satisfies StatusState[];

export class GitHubStatuses implements StatusHost {
  readonly limits = HOST_LIMITS.GitHub;
  readonly #api: OctokitApi;
  readonly #checks: GitHubChecks;
  readonly #about: About;
  readonly #base: string;

  constructor(api: OctokitApi, { repository }: HostOptions) {
    this.#api = api;
    this.#base = ownedPath(repository);
    this.#about = { host: 'GitHub', repository, permission: '"commit statuses: write"' };
    this.#checks = new GitHubChecks(api, { ...this.#about, permission: '"checks: write"', base: this.#base });
  }

  async post(status: CommitStatus, signal: AbortSignal): Promise<PostResult> {
    const app = await this.#api.app();
    if ('barred' in app) return { kind: 'refused', message: app.barred };
    const shown = fitted(status, this.limits);
    return app.id === undefined ? this.#post(shown, signal) : this.#checks.post({ status: shown, app: app.id }, signal);
  }

  async #post({ commit, context, state, description, targetUrl }: CommitStatus, signal: AbortSignal): Promise<PostResult> {
    const body = { state, description, context, ...(targetUrl === undefined ? {} : { target_url: targetUrl }) };
    const reply = await this.#api.ask({ method: 'POST', path: `${this.#base}/statuses/${commit}`, body }, signal);
    if (reply.kind === 'answer' && reply.status === 201) return { kind: 'posted' };
    const failure = judge(reply, this.#about);
    // GitHub also answers 422 for what it takes for spam, and for a commit that a mirror has not brought it yet: only this is for ever.
    const closed = reply.kind === 'answer' && reply.status === 422 && /maximum number of statuses/i.test(reply.message);
    return closed ? { kind: 'closed', message: failure.message } : failure;
  }

  async find(about: StatusKey, signal: AbortSignal): Promise<FindResult> {
    const app = await this.#api.app();
    if ('barred' in app) return { kind: 'unknown', message: app.barred };
    return app.id === undefined ? this.#find(about, signal) : this.#checks.find({ ...about, app: app.id }, signal);
  }

  /** The combined status has the newest of each context. */
  async #find(about: StatusKey, signal: AbortSignal): Promise<FindResult> {
    let more = true;
    for (let page = 1; more; page += 1) {
      const path = `${this.#base}/commits/${about.commit}/status?per_page=100&page=${page}`;
      const reply = await this.#api.ask({ method: 'GET', path }, signal);
      if (reply.kind !== 'answer' || reply.status !== 200) return unknownOf(reply, this.#about);
      const statuses = listAt(reply.body, 'statuses');
      // For GitHub a context is the same in capitals.
      const shown = statuses.find((one) => textAt(one, 'context')?.toLowerCase() === about.context.toLowerCase());
      const state = textAt(shown, 'state');
      if (state !== undefined && STATES.includes(state)) {
        const [description, targetUrl] = [textAt(shown, 'description'), textAt(shown, 'target_url')];
        return found(about, { state: state as StatusState, description, targetUrl });
      }
      more = statuses.length === 100;
      if (more && page === MOST_PAGES) return { kind: 'unknown', message: TOO_MANY };
    }
    return { kind: 'none' };
  }
}

export function githubReviews(api: OctokitApi, { apiUrl, repository }: HostOptions): Reviews {
  const base = ownedPath(repository);
  const { of, create, update } = issueComments(base);
  return new Reviews(
    api,
    {
      limit: HOST_LIMITS.GitHub.comment,
      self: (signal) => selfOf(api, signal),
      comments: (pullRequest) => `${of(pullRequest)}?per_page=100`,
      readComment,
      create,
      update,
      pullRequests: `${base}/pulls?state=open&sort=created&direction=desc&per_page=100`,
      readPullRequest: numberedPullRequest,
    },
    { host: 'GitHub', repository, permission: '"pull requests: write"', apiUrl },
  );
}

/** An App can't ask who it is, but its comments tell which App made them. */
async function selfOf(api: OctokitApi, signal: AbortSignal): Promise<Self> {
  const app = await api.app();
  if ('barred' in app) return { failed: { kind: 'barred', message: app.barred } };
  return app.id === undefined ? numericSelf(api, signal) : { author: `app ${app.id}` };
}

function readComment(item: unknown): FoundComment | undefined {
  const app = numberAt(item, 'performed_via_github_app', 'id');
  const comment = numericComment(item, 'user');
  return comment === undefined || app === undefined ? comment : { ...comment, author: `app ${app}` };
}
