/** Bitbucket Cloud: build statuses, comments and pull requests. An `error` is `STOPPED`: it did not come to an end. */
import { createHash } from 'node:crypto';
import { clipGraphemes, fitted, HOST_LIMITS } from '../../host-limits.ts';
import type { StatusState } from '../../outcome.ts';
import type { CommentHost, CommitStatus, FindResult, PostResult, OpenPullRequest, PullRequestsResult, StatusHost } from '../../ports.ts';
import { at, commitAt, numberAt, textAt } from './json.ts';
import { found, judge, unknownOf } from './judge.ts';
import type { About, StatusKey } from './judge.ts';
import type { HostOptions, RestApi } from './rest.ts';
import { Reviews } from './reviews.ts';
import type { FoundComment, Self } from './reviews.ts';

const WORDS: Readonly<Record<StatusState, string>> = {
  pending: 'INPROGRESS',
  success: 'SUCCESSFUL',
  failure: 'FAILED',
  error: 'STOPPED',
};
const STATES = Object.fromEntries(Object.entries(WORDS).map(([state, word]) => [word, state as StatusState]));

export class BitbucketStatuses implements StatusHost {
  readonly limits = HOST_LIMITS.Bitbucket;
  readonly #api: RestApi;
  readonly #options: HostOptions;
  readonly #about: About;
  readonly #base: string;

  constructor(api: RestApi, options: HostOptions) {
    this.#api = api;
    this.#options = options;
    this.#about = { host: 'Bitbucket', repository: options.repository, permission: '"repository: write"' };
    this.#base = baseOf(options.repository);
  }

  /** The same key overwrites. */
  async post(status: CommitStatus, signal: AbortSignal): Promise<PostResult> {
    const { commit, context, state, description, targetUrl } = fitted(status, this.limits);
    const body = {
      type: 'build',
      key: keyOf(context),
      state: WORDS[state],
      name: clipGraphemes(context, this.limits.context),
      description,
      url: targetUrl ?? this.#pageOf(commit),
    };
    const reply = await this.#api.ask({ method: 'POST', path: `${this.#base}/commit/${commit}/statuses/build`, body }, signal);
    return reply.kind === 'answer' && (reply.status === 201 || reply.status === 200) ? { kind: 'posted' } : judge(reply, this.#about);
  }

  async find(about: StatusKey, signal: AbortSignal): Promise<FindResult> {
    const path = `${this.#base}/commit/${about.commit}/statuses/build/${keyOf(about.context)}`;
    const reply = await this.#api.ask({ method: 'GET', path }, signal);
    if (reply.kind === 'answer' && reply.status === 404) return this.#noneIfThere(about, signal);
    const state = reply.kind === 'answer' && reply.status === 200 ? STATES[textAt(reply.body, 'state') ?? ''] : undefined;
    if (reply.kind !== 'answer' || state === undefined) return unknownOf(reply, this.#about);
    return found(about, { state, description: textAt(reply.body, 'description'), targetUrl: textAt(reply.body, 'url') });
  }

  /** The same answer says that there is no such key, no such commit, and no such repository for us. */
  async #noneIfThere({ commit }: StatusKey, signal: AbortSignal): Promise<FindResult> {
    const reply = await this.#api.ask({ method: 'GET', path: `${this.#base}/commit/${commit}` }, signal);
    return reply.kind === 'answer' && reply.status === 200 ? { kind: 'none' } : unknownOf(reply, this.#about);
  }

  /** Bitbucket wants a link: the commit's own page is the least surprising. */
  #pageOf(commit: string): string {
    const { origin, hostname } = new URL(this.#options.apiUrl);
    const web = hostname === 'api.bitbucket.org' ? 'https://bitbucket.org' : origin;
    return `${web}/${this.#options.repository}/commits/${commit}`;
  }
}

/** Reviews, with full hashes: Bitbucket lists the first twelve digits. */
export class BitbucketReviews implements CommentHost {
  readonly #api: RestApi;
  readonly #reviews: Reviews;
  readonly #base: string;
  /** Full hashes by short ones. */
  readonly #known = new Map<string, string>();

  constructor(api: RestApi, { repository, apiUrl }: HostOptions) {
    this.#api = api;
    this.#base = baseOf(repository);
    const comments = (pullRequest: number): string => `${this.#base}/pullrequests/${pullRequest}/comments`;
    const content = (body: string): object => ({ type: 'pullrequest_comment', content: { raw: body } });
    this.#reviews = new Reviews(
      api,
      {
        limit: HOST_LIMITS.Bitbucket.comment,
        // It shows an HTML comment as text.
        firstLine: (marker) => `**Parapet: ${marker}**`,
        self: (signal) => selfOf(api, signal),
        comments: (pullRequest) => `${comments(pullRequest)}?pagelen=50`,
        readComment,
        create: (pullRequest, body) => ({ method: 'POST', path: comments(pullRequest), body: content(body) }),
        update: (pullRequest, id, body) => ({ method: 'PUT', path: `${comments(pullRequest)}/${id}`, body: content(body) }),
        pullRequests: `${this.#base}/pullrequests?state=OPEN&pagelen=50`,
        readPullRequest: (item) => readPullRequest(item, repository),
      },
      { host: 'Bitbucket', repository, permission: '"pull requests: write"', apiUrl },
    );
  }

  upsert(...args: Parameters<CommentHost['upsert']>): Promise<PostResult> {
    return this.#reviews.upsert(...args);
  }

  async pullRequests(signal: AbortSignal): Promise<PullRequestsResult> {
    const listed = await this.#reviews.pullRequests(signal);
    if (listed.kind === 'unknown') return listed;
    const pullRequests: OpenPullRequest[] = [];
    for (const one of listed.pullRequests) {
      const commit = await this.#full(one.commit, signal);
      if (commit !== undefined) pullRequests.push({ ...one, commit });
    }
    return { kind: 'listed', pullRequests };
  }

  /** `undefined` when the repository doesn't have that commit (any more). */
  async #full(short: string, signal: AbortSignal): Promise<string | undefined> {
    const known = this.#known.get(short);
    if (known !== undefined) return known;
    const reply = await this.#api.ask({ method: 'GET', path: `${this.#base}/commit/${short}` }, signal);
    const full = reply.kind === 'answer' ? commitAt(reply.body, 'hash') : undefined;
    if (full === undefined || !full.startsWith(short)) return undefined;
    if (this.#known.size >= 1000) this.#known.clear();
    this.#known.set(short, full);
    return full;
  }
}

/** At most 40 characters. */
function keyOf(context: string): string {
  return `parapet-${createHash('sha256').update(context).digest('hex').slice(0, 32)}`;
}

function baseOf(repository: string): string {
  return `/repositories/${repository.split('/').map(encodeURIComponent).join('/')}`;
}

/** Access tokens of a repository are nobody, who may not ask; what another wrote they can't change either. */
async function selfOf(api: RestApi, signal: AbortSignal): Promise<Self> {
  const reply = await api.ask({ method: 'GET', path: '/user' }, signal);
  if (reply.kind === 'answer' && reply.status === 403) return { author: undefined };
  const author = reply.kind === 'answer' && reply.status === 200 ? textAt(reply.body, 'uuid') : undefined;
  return author === undefined ? { failed: reply } : { author };
}

function readComment(item: unknown): FoundComment | undefined {
  const [id, body] = [numberAt(item, 'id'), textAt(item, 'content', 'raw')];
  const aside = at(item, 'deleted') === true || at(item, 'inline') !== undefined;
  return id === undefined || body === undefined || aside ? undefined : { id, body, author: textAt(item, 'user', 'uuid') };
}

/** Of this repository's own branches: Bitbucket has no reference for a fork's. */
function readPullRequest(item: unknown, repository: string): OpenPullRequest | undefined {
  const [number, commit] = [numberAt(item, 'id'), textAt(item, 'source', 'commit', 'hash')];
  const [from, branch] = [textAt(item, 'source', 'repository', 'full_name'), textAt(item, 'source', 'branch', 'name')];
  const base = textAt(item, 'destination', 'branch', 'name');
  if (number === undefined || commit === undefined || branch === undefined || base === undefined) return undefined;
  if (from?.toLowerCase() !== repository.toLowerCase() || !/^[0-9a-f]{7,64}$/.test(commit)) return undefined;
  return { number, commit, ref: `refs/heads/${branch}`, base };
}
