/**
 * GitLab: commit statuses, notes and merge requests. A pending status is `running`, an `error` is `canceled`: it did not come to an end,
 * and a pipeline with it does not count as passed.
 */
import { fitted, HOST_LIMITS, isShown } from '../../host-limits.ts';
import type { StatusState } from '../../outcome.ts';
import type { CommitStatus, FindResult, PostResult, OpenPullRequest, StatusHost } from '../../ports.ts';
import { at, commitAt, numberAt, textAt } from './json.ts';
import { found, judge, unknownOf } from './judge.ts';
import type { About, StatusKey } from './judge.ts';
import { list, TOO_MANY } from './pages.ts';
import { RestApi } from './rest.ts';
import type { HostOptions, Reply } from './rest.ts';
import { numericComment, Reviews } from './reviews.ts';

const WORDS: Readonly<Record<StatusState, string>> = { pending: 'running', success: 'success', failure: 'failed', error: 'canceled' };
/** Everything else is on its way to one of these. */
const ENDS: Readonly<Record<string, StatusState>> = { success: 'success', skipped: 'success', failed: 'failure', canceled: 'error' };

export function gitlabApi(options: HostOptions): RestApi {
  return new RestApi('GitLab', options, (credentials) =>
    credentials.kind === 'token' ? { 'private-token': credentials.token } : undefined,
  );
}

export class GitLabStatuses implements StatusHost {
  readonly limits = HOST_LIMITS.GitLab;
  readonly #api: RestApi;
  readonly #apiUrl: string;
  readonly #about: About;
  readonly #base: string;

  constructor(api: RestApi, options: HostOptions) {
    this.#api = api;
    this.#apiUrl = options.apiUrl;
    this.#about = aboutOf(options);
    this.#base = baseOf(options);
  }

  async post(status: CommitStatus, signal: AbortSignal): Promise<PostResult> {
    const { commit, context, state, description, targetUrl } = fitted(status, this.limits);
    const link = targetUrl === undefined ? {} : { target_url: targetUrl };
    const body = { state: WORDS[state], name: context, description, ...link };
    const reply = await this.#api.ask({ method: 'POST', path: `${this.#base}/statuses/${commit}`, body }, signal);
    if (reply.kind === 'answer' && (reply.status === 201 || reply.status === 200)) return { kind: 'posted' };
    return (await this.#alreadySo(status, reply, signal)) ? { kind: 'posted' } : this.#judge(reply);
  }

  /** Whether GitLab refused the status because it is in that state. */
  async #alreadySo(status: CommitStatus, reply: Reply, signal: AbortSignal): Promise<boolean> {
    if (reply.kind !== 'answer' || reply.status !== 400 || !/cannot transition status/i.test(reply.message)) return false;
    const shown = await this.find(status, signal);
    return shown.kind === 'found' && isShown(shown.status, status, this.limits);
  }

  #judge(reply: Reply): PostResult {
    const failure = judge(reply, this.#about);
    if (reply.kind !== 'answer') return failure;
    // Somebody else is writing to the same pipeline.
    if (reply.status === 409) return { kind: 'retry', message: failure.message };
    const full = reply.status === 422 && /number of jobs has exceeded/i.test(reply.message);
    return full ? { kind: 'closed', message: failure.message } : failure;
  }

  async find(about: StatusKey, signal: AbortSignal): Promise<FindResult> {
    const { commit, context } = about;
    const path = `${this.#base}/repository/commits/${commit}/statuses?name=${encodeURIComponent(context)}&per_page=100`;
    const keep = (item: unknown): { readonly id: number; readonly item: unknown } | undefined => {
      const id = numberAt(item, 'id');
      return id === undefined || textAt(item, 'name') !== context ? undefined : { id, item };
    };
    const listed = await list(this.#api, { path, keep, apiUrl: this.#apiUrl }, signal);
    if (listed.kind === 'failed') return unknownOf(listed.reply, this.#about);
    // One for each pipeline of the commit.
    const newest = listed.items.toSorted((a, b) => b.id - a.id)[0]?.item;
    if (!listed.all) return { kind: 'unknown', message: TOO_MANY };
    if (newest === undefined) return { kind: 'none' };
    const state = ENDS[textAt(newest, 'status') ?? ''] ?? 'pending';
    return found(about, { state, description: textAt(newest, 'description'), targetUrl: textAt(newest, 'target_url') });
  }
}

export function gitlabReviews(api: RestApi, options: HostOptions): Reviews {
  const base = baseOf(options);
  const notes = (pullRequest: number): string => `${base}/merge_requests/${pullRequest}/notes`;
  return new Reviews(
    api,
    {
      limit: HOST_LIMITS.GitLab.comment,
      // Notes can be a million characters each.
      comments: (pullRequest) => `${notes(pullRequest)}?order_by=created_at&sort=asc&activity_filter=only_comments&per_page=10`,
      readComment: (item) => (at(item, 'system') === true ? undefined : numericComment(item, 'author')),
      create: (pullRequest, body) => ({ method: 'POST', path: notes(pullRequest), body: { body } }),
      update: (pullRequest, id, body) => ({ method: 'PUT', path: `${notes(pullRequest)}/${id}`, body: { body } }),
      pullRequests: `${base}/merge_requests?state=opened&order_by=created_at&sort=desc&per_page=100`,
      readPullRequest,
    },
    { ...aboutOf(options), apiUrl: options.apiUrl },
  );
}

function aboutOf({ repository }: HostOptions): About {
  return { host: 'GitLab', repository, permission: 'scope "api" and the role Developer' };
}

function baseOf({ repository }: HostOptions): string {
  return `/projects/${encodeURIComponent(repository)}`;
}

function readPullRequest(item: unknown): OpenPullRequest | undefined {
  const [number, commit, base] = [numberAt(item, 'iid'), commitAt(item, 'sha'), textAt(item, 'target_branch')];
  if (number === undefined || commit === undefined || base === undefined) return undefined;
  return { number, commit, ref: `refs/merge-requests/${number}/head`, base };
}
