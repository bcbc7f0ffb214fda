/** A stand-in for Bitbucket Cloud's REST API on loopback: each request and answer is held against Bitbucket's description. */
import { join } from 'node:path';
import { CommentBook, timestamp } from '../hosts/comment-book.ts';
import type { KeptComment, KeptPullRequest } from '../hosts/comment-book.ts';
import { readDescription } from '../hosts/described.ts';
import { page, startStandIn } from '../hosts/stand-in.ts';
import type { Answer, Asked, StandIn } from '../hosts/stand-in.ts';

export interface BitbucketOptions {
  readonly workspace: string;
  readonly repo: string;
  /** Let in as a bearer's, which is a token of the repository and no account, and as the password of `parapet`, which is one. */
  readonly token: string;
}

export interface BitbucketStatus {
  readonly commit: string;
  readonly key: string;
  readonly state: string;
  readonly name?: string;
  readonly description?: string;
  readonly url: string;
  /** How often it was written. */
  readonly writes: number;
}

export interface Bitbucket extends StandIn {
  readonly statuses: readonly BitbucketStatus[];
  readonly book: CommentBook;
}

export const BITBUCKET_USER = 7;

const find = readDescription({
  file: join(import.meta.dirname, 'openapi-extract.json'),
  errors: { $ref: '#/components/schemas/error' },
  anywhere: ['page', 'pagelen', 'q', 'sort', 'fields'],
});
const PAGES = { name: 'pagelen', most: 100, usual: 10 };
const MESSAGES: Readonly<Record<number, string>> = {
  401: 'Token is invalid or not supported for this endpoint.',
  403: 'Your credentials lack one or more required privilege scopes.',
  404: 'Resource not found',
  429: 'Rate limit for this resource has been exceeded',
};

export async function startBitbucket(options: BitbucketOptions): Promise<Bitbucket> {
  const statuses: BitbucketStatus[] = [];
  const book = new CommentBook();
  const basic = `Basic ${Buffer.from(`parapet:${options.token}`).toString('base64')}`;

  function admit({ request, parameters }: Asked, { operationId }: { operationId: string }): Answer | undefined {
    const { authorization } = request.headers;
    if (authorization !== `Bearer ${options.token}` && authorization !== basic) return refusal(401);
    if (operationId === 'getCurrentUser') return authorization === basic ? undefined : refusal(403);
    return parameters['workspace'] === options.workspace && parameters['repo_slug'] === options.repo ? undefined : refusal(404);
  }

  const commits = (): string[] => [...new Set([...book.pullRequests.map(({ commit }) => commit), ...'0123456789abcdef'].map(full))];
  const comments = (asked: Asked): readonly KeptComment[] => book.of(Number(asked.parameters['pull_request_id']));

  const standIn = await startStandIn({
    name: 'Bitbucket',
    prefix: '/2.0',
    find,
    admit,
    refusal,
    unfit: 400,
    operations: {
      getACommit: ({ parameters }) => {
        const hash = commits().find((commit) => commit.startsWith(parameters['commit'] ?? ' '));
        return hash === undefined ? refusal(404) : { status: 200, body: { type: 'commit', hash, message: 'a change' } };
      },
      createABuildStatusForACommit: ({ parameters, body, url }) => {
        const { commit = '' } = parameters;
        const sent = body as Omit<BitbucketStatus, 'commit' | 'writes'>;
        const fault = faultOf(sent);
        if (fault !== undefined) return refusal(400, fault);
        if (!/^[0-9a-f]{40}$/.test(commit)) return refusal(404);
        const index = statuses.findIndex((one) => one.commit === commit && one.key === sent.key);
        const status = { ...statuses[index], ...sent, commit, writes: (statuses[index]?.writes ?? 0) + 1 };
        statuses.splice(index < 0 ? statuses.length : index, 1, status);
        return { status: 201, body: shownStatus(status, url) };
      },
      getABuildStatusForACommit: ({ parameters, url }) => {
        const status = statuses.find(({ commit, key }) => commit === parameters['commit'] && key === parameters['key']);
        return status === undefined ? refusal(404) : { status: 200, body: shownStatus(status, url) };
      },
      listPullRequests: (asked) => paged(book.opened(), asked, (one) => shownPullRequest(one, options)),
      listCommentsOnAPullRequest: (asked) =>
        book.known(Number(asked.parameters['pull_request_id'])) ? paged(comments(asked), asked, shownComment) : refusal(404),
      createACommentOnAPullRequest: ({ parameters, body, request }) => {
        const pullRequest = Number(parameters['pull_request_id']);
        if (!book.known(pullRequest)) return refusal(404);
        const author = request.headers.authorization === basic ? BITBUCKET_USER : -1;
        return { status: 201, body: shownComment(book.add({ pullRequest, body: rawOf(body), author })) };
      },
      updateACommentOnAPullRequest: ({ parameters, body, request }) => {
        const kept = book.get(Number(parameters['comment_id']));
        if (kept === undefined) return refusal(404);
        if (kept.author !== (request.headers.authorization === basic ? BITBUCKET_USER : -1)) return refusal(403);
        kept.body = rawOf(body);
        kept.edits += 1;
        return { status: 200, body: shownComment(kept) };
      },
      getCurrentUser: () => ({ status: 200, body: account(BITBUCKET_USER) }),
    },
  });
  return { ...standIn, statuses, book };
}

/** A commit for each digit is there, besides those of the pull requests. */
function full(commit: string): string {
  return commit.length === 1 ? commit.repeat(40) : commit;
}

function faultOf({ key, url }: { readonly key: string; readonly url?: string }): string | undefined {
  if (key.length > 40) return `key: Ensure this value has at most 40 characters (it has ${key.length}).`;
  return url === undefined || url === '' ? 'url: This field is required.' : undefined;
}

function rawOf(body: unknown): string {
  return (body as { readonly content: { readonly raw: string } }).content.raw;
}

function paged<T>(all: readonly T[], asked: Asked, show: (one: T) => object): Answer {
  const { items, more, number, size } = page(all, asked, PAGES);
  const next = new URLSearchParams(asked.query);
  next.set('page', String(number + 1));
  const path = (asked.request.url ?? '').split('?')[0] ?? '';
  const follow = more ? { next: `${asked.url.replace(/\/2\.0$/, '')}${path}?${next.toString()}` } : {};
  return { status: 200, body: { pagelen: size, page: number, size: all.length, values: items.map(show), ...follow } };
}

function account(id: number): object {
  return { type: id < 0 ? 'app_user' : 'user', uuid: `{account ${id}}`, display_name: `Account ${id}` };
}

function shownStatus({ commit, key, state, name, description, url: link }: BitbucketStatus, url: string): object {
  const times = { created_on: timestamp(), updated_on: timestamp() };
  const status = { key, state, name, description, url: link };
  return { ...status, type: 'build', ...times, links: { commit: { href: `${url}/commit/${commit}` } } };
}

/** An HTML comment would be shown as text; here the raw text is what counts. */
function shownComment({ id, body, author }: KeptComment): object {
  const content = { raw: body, markup: 'markdown', html: `<p>${body.replaceAll('<', '&lt;')}</p>` };
  return { type: 'pullrequest_comment', id, content, user: account(author), deleted: false, created_on: timestamp() };
}

function shownPullRequest({ number, commit, branch, base, open, fork }: KeptPullRequest, { workspace, repo }: BitbucketOptions): object {
  const end = (name: string, hash: string, from: string): object => ({
    branch: { name },
    commit: { hash: hash.slice(0, 12) },
    repository: { type: 'repository', full_name: from },
  });
  const home = `${workspace}/${repo}`;
  const ends = { source: end(branch, commit, fork ?? home), destination: end(base, '0'.repeat(40), home) };
  return { type: 'pullrequest', id: number, title: `change ${number}`, state: open ? 'OPEN' : 'MERGED', ...ends };
}

function refusal(status: number, message = MESSAGES[status] ?? 'Error'): Answer {
  return { status, body: { type: 'error', error: { message } } };
}
