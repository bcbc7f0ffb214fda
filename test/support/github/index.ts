/** A stand-in for GitHub's REST API on loopback: each request and answer is held against GitHub's description. */
import { CommentBook } from '../hosts/comment-book.ts';
import { page, startStandIn } from '../hosts/stand-in.ts';
import type { Answer, Asked, StandIn } from '../hosts/stand-in.ts';
import { AppDesk } from './app-desk.ts';
import { CheckBook } from './check-book.ts';
import type { RecordedCheck } from './check-book.ts';
import { findOperation } from './description.ts';
import { comment, pullRequest, user } from './render.ts';
import { StatusBook } from './status-book.ts';
import type { RecordedStatus } from './status-book.ts';

export type { Failure } from '../hosts/stand-in.ts';
export type { RecordedCheck } from './check-book.ts';
export type { RecordedStatus } from './status-book.ts';

export interface GithubOptions {
  readonly owner: string;
  readonly repo: string;
  /** The only token that is let in, besides those of the App. */
  readonly token: string;
  /** An App that is installed: its number, its installation's, and its public key in PEM form. */
  readonly app?: { readonly id: number; readonly installation: number; readonly publicKey: string };
  /** Any free one unless told. */
  readonly port?: number;
}

export interface Github extends StandIn {
  /** What was posted, oldest first; of one commit when it is given. */
  statuses(sha?: string): RecordedStatus[];
  /** Check runs, oldest first. */
  checks(): readonly RecordedCheck[];
  readonly book: CommentBook;
  /** How many tokens the App has fetched. */
  tokens(): number;
}

/** The account of the token; an App is none. */
export const GITHUB_USER = 7;

const MESSAGES: Readonly<Record<number, string>> = {
  401: 'Bad credentials',
  403: 'Resource not accessible by personal access token',
  404: 'Not Found',
  422: 'Validation Failed',
  429: 'You have exceeded a secondary rate limit',
  500: 'Server Error',
  502: 'Bad Gateway',
};

/** Starts the stand-in. */
export async function startGithub(options: GithubOptions): Promise<Github> {
  const statuses = new StatusBook();
  const checks = new CheckBook();
  const book = new CommentBook();
  const desk = new AppDesk(options.app);

  /** Who asks: the account, the App's installation, or the App itself. */
  function caller({ request }: Asked): 'user' | 'installation' | 'app' | undefined {
    const [scheme = '', token = ''] = (request.headers.authorization ?? '').split(' ');
    if (!/^(?:token|bearer)$/i.test(scheme)) return undefined;
    if (token === options.token) return 'user';
    return desk.isInstallation(token) ? 'installation' : desk.isApp(token) ? 'app' : undefined;
  }

  function admit(asked: Asked, { operationId }: { operationId: string }): Answer | undefined {
    // in GitHub's order: who asks, for what, and only then whether the question is well formed
    if (asked.request.headers['user-agent'] === undefined) return refusal(403);
    const who = caller(asked);
    if (who === undefined) return refusal(401);
    const { owner, repo } = asked.parameters;
    if (owner !== undefined && (owner !== options.owner || repo !== options.repo)) return refusal(404);
    if ((who === 'app') !== operationId.startsWith('apps/')) return refusal(who === 'app' ? 401 : 403);
    if (who === 'user' && /^checks\/(?:create|update)$/.test(operationId)) return refusal(403);
    return who === 'installation' && operationId.startsWith('users/') ? refusal(403, 'Resource not accessible by integration') : undefined;
  }

  const standIn = await startStandIn({
    name: 'GitHub',
    find: findOperation,
    admit,
    refusal,
    unfit: 422,
    ...(options.port === undefined ? {} : { port: options.port }),
    operations: {
      'repos/create-commit-status': ({ parameters, body, url }) => {
        const { owner, repo, sha = '' } = parameters;
        return statuses.add({ sha, body: body as Record<string, string>, at: `${url}/repos/${owner}/${repo}/statuses/${sha}` });
      },
      'repos/list-commit-statuses-for-ref': (asked) => paged(statuses.list(asked.parameters['ref'] ?? ''), asked),
      'repos/get-combined-status-for-ref': (asked) => {
        const { ref = '' } = asked.parameters;
        const { items, headers } = page(statuses.newest(ref), asked, PAGES);
        return { status: 200, body: statuses.combined(ref, items, asked.url), headers };
      },
      'checks/create': ({ body, url }) => checks.create(body as object, url, options.app?.id ?? 0),
      'checks/update': ({ parameters, body }) => checks.update(Number(parameters['check_run_id']), body as object) ?? refusal(404),
      'checks/list-for-ref': (asked) => {
        const { items, headers } = page(checks.list(asked.parameters['ref'] ?? '', asked.query), asked, PAGES);
        return { status: 200, body: { total_count: items.length, check_runs: items }, headers };
      },
      'issues/list-comments': (asked) => {
        const number = Number(asked.parameters['issue_number']);
        if (!book.known(number)) return refusal(404);
        return paged(
          book.of(number).map((one) => comment(one, asked.url)),
          asked,
        );
      },
      'issues/create-comment': (asked) => {
        const number = Number(asked.parameters['issue_number']);
        const { body } = asked.body as { body: string };
        if (!book.known(number)) return refusal(404);
        if (body.length > 65_536) return refusal(422, 'Validation Failed: body is too long (maximum is 65536 characters)');
        const author = caller(asked) === 'installation' ? -(options.app?.id ?? 0) : GITHUB_USER;
        return { status: 201, body: comment(book.add({ pullRequest: number, body, author }), asked.url) };
      },
      'issues/update-comment': (asked) => {
        const kept = book.get(Number(asked.parameters['comment_id']));
        if (kept === undefined) return refusal(404);
        kept.body = (asked.body as { body: string }).body;
        kept.edits += 1;
        return { status: 200, body: comment(kept, asked.url) };
      },
      'pulls/list': (asked) =>
        paged(
          book.opened().map((one) => pullRequest(one, asked.url)),
          asked,
        ),
      'apps/create-installation-access-token': ({ parameters }) => desk.issue(Number(parameters['installation_id'])) ?? refusal(404),
      'users/get-authenticated': ({ url }) => ({ status: 200, body: { ...user(GITHUB_USER, url), ...ACCOUNT } }),
    },
  });
  return {
    ...standIn,
    statuses: (sha) => statuses.posted(sha),
    checks: () => checks.runs,
    book,
    tokens: () => desk.issued,
  };
}

const PAGES = { name: 'per_page', most: 100, usual: 30 };
/** What GitHub tells of an account to itself only. */
const ACCOUNT = {
  name: null,
  company: null,
  blog: null,
  location: null,
  email: null,
  hireable: null,
  bio: null,
  public_repos: 0,
  public_gists: 0,
  followers: 0,
  following: 0,
  created_at: '2020-01-01T00:00:00Z',
  updated_at: '2020-01-01T00:00:00Z',
};

function paged(all: readonly object[], asked: Asked): Answer {
  const { items, headers } = page(all, asked, PAGES);
  return { status: 200, body: items, headers };
}

function refusal(status: number, message = MESSAGES[status] ?? 'Error'): Answer {
  return { status, body: { message, documentation_url: 'https://docs.github.com/rest', status: String(status) } };
}
