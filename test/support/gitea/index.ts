/** A stand-in for Gitea's REST API on loopback: each request and answer is held against Gitea's description. */
import { join } from 'node:path';
import { CommentBook, timestamp } from '../hosts/comment-book.ts';
import type { KeptComment, KeptPullRequest } from '../hosts/comment-book.ts';
import { readDescription } from '../hosts/described.ts';
import { page, startStandIn } from '../hosts/stand-in.ts';
import type { Answer, Asked, StandIn } from '../hosts/stand-in.ts';

export interface GiteaOptions {
  readonly owner: string;
  readonly repo: string;
  /** Let in as `token …`, and as the password of `parapet`. */
  readonly token: string;
  /** Whether the token may ask who it is; it may unless told. */
  readonly readsUser?: boolean;
}

export interface GiteaStatus {
  readonly sha: string;
  readonly context: string;
  readonly status: string;
  readonly description: string;
  readonly target_url: string;
}

export interface Gitea extends StandIn {
  /** All of them, oldest first: Gitea only appends. */
  readonly statuses: GiteaStatus[];
  readonly book: CommentBook;
}

export const GITEA_USER = 7;

const find = readDescription({
  file: join(import.meta.dirname, 'openapi-extract.json'),
  errors: { type: 'object', required: ['message', 'url'], properties: { message: { type: 'string' }, url: { type: 'string' } } },
});
const PAGES = { name: 'limit', most: 50, usual: 30 };
const MESSAGES: Readonly<Record<number, string>> = { 401: 'token is required', 403: 'token does not have the scope', 404: 'Not found' };

export async function startGitea(options: GiteaOptions): Promise<Gitea> {
  const statuses: GiteaStatus[] = [];
  const book = new CommentBook();
  const basic = `Basic ${Buffer.from(`parapet:${options.token}`).toString('base64')}`;

  function admit({ request, parameters }: Asked, { operationId }: { operationId: string }): Answer | undefined {
    const { authorization } = request.headers;
    if (authorization !== `token ${options.token}` && authorization !== basic) return refusal(401);
    if (operationId === 'userGetCurrent') return options.readsUser === false ? refusal(403) : undefined;
    return parameters['owner'] === options.owner && parameters['repo'] === options.repo ? undefined : refusal(404);
  }

  const standIn = await startStandIn({
    name: 'Gitea',
    prefix: '/api/v1',
    find,
    admit,
    refusal,
    unfit: 422,
    operations: {
      repoCreateStatus: ({ parameters, body, url }) => {
        const { sha = '' } = parameters;
        if (!/^[0-9a-f]{40}$/.test(sha)) return refusal(404, `object does not exist [id: ${sha}, rel_path: ]`);
        const { context = 'default', state = '', description = '', target_url = '' } = body as Record<string, string>;
        statuses.push({ sha, context, status: state, description, target_url });
        return { status: 201, body: shown(statuses.length - 1, url) };
      },
      repoListStatuses: (asked) => {
        const { query, parameters, url } = asked;
        const found = statuses.flatMap(({ sha }, index) => (sha === parameters['sha'] ? [shown(index, url)] : []));
        const { items, headers } = page(query.get('sort') === 'highestindex' ? found.toReversed() : found, asked, PAGES);
        return { status: 200, body: items, headers };
      },
      issueGetComments: ({ parameters, url }) => {
        const index = Number(parameters['index']);
        return book.known(index) ? { status: 200, body: book.of(index).map((one) => comment(one, url)) } : refusal(404);
      },
      issueCreateComment: ({ parameters, body, url }) => {
        const index = Number(parameters['index']);
        if (!book.known(index)) return refusal(404);
        const kept = book.add({ pullRequest: index, body: (body as { body: string }).body, author: GITEA_USER });
        return { status: 201, body: comment(kept, url) };
      },
      issueEditComment: ({ parameters, body, url }) => {
        const kept = book.get(Number(parameters['id']));
        if (kept === undefined) return refusal(404);
        kept.body = (body as { body: string }).body;
        kept.edits += 1;
        return { status: 200, body: comment(kept, url) };
      },
      repoListPullRequests: (asked) => {
        const { items, headers } = page(book.opened(), asked, PAGES);
        return { status: 200, body: items.map((one) => pullRequest(one, asked.url)), headers };
      },
      userGetCurrent: () => ({ status: 200, body: user(GITEA_USER) }),
    },
  });

  function shown(index: number, url: string): object {
    const { sha, ...status } = statuses[index] ?? { sha: '' };
    const at = `${url}/repos/${options.owner}/${options.repo}/statuses/${sha}`;
    return { id: index + 1, ...status, url: at, creator: user(GITEA_USER), created_at: timestamp(), updated_at: timestamp() };
  }
  return { ...standIn, statuses, book };
}

function user(id: number): object {
  return { id, login: `account-${id}`, full_name: '', email: `account-${id}@gitea.test`, avatar_url: '', language: '', is_admin: false };
}

function comment({ id, body, author, pullRequest: index }: KeptComment, url: string): object {
  const at = `${url}/issues/${index}#issuecomment-${id}`;
  const times = { created_at: timestamp(), updated_at: timestamp() };
  return { id, body, user: user(author), html_url: at, pull_request_url: at, issue_url: '', assets: [], ...times };
}

function pullRequest({ number, commit, branch, base, open }: KeptPullRequest, url: string): object {
  const end = (ref: string, sha: string): object => ({ label: ref, ref, sha, repo_id: 1, repo: {} });
  const state = open ? 'open' : 'closed';
  const ends = { head: end(branch, commit), base: end(base, '0'.repeat(40)) };
  return { id: number, number, state, title: `change ${number}`, url: `${url}/pulls/${number}`, user: user(1), ...ends };
}

function refusal(status: number, message = MESSAGES[status] ?? 'error'): Answer {
  return { status, body: { message, url: 'https://gitea.test/api/swagger' } };
}
