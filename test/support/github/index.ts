/** A stand-in for GitHub's REST API on loopback: commit statuses, each request and answer held against GitHub's description. */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { findOperation } from './description.ts';
import type { Described } from './description.ts';
import { StatusBook } from './status-book.ts';
import type { RecordedStatus } from './status-book.ts';

export type { RecordedStatus } from './status-book.ts';

export interface GithubOptions {
  readonly owner: string;
  readonly repo: string;
  /** The only token that is let in. */
  readonly token: string;
  /** Any free one unless told. */
  readonly port?: number;
}

/** An HTTP status; `hang` accepts the request and never answers; `drop` cuts the connection. */
export type Failure = 401 | 403 | 404 | 422 | 429 | 500 | 502 | 'hang' | 'drop';

export interface Github {
  readonly url: string;
  /** What was posted, oldest first; of one commit when it is given. */
  statuses(sha?: string): RecordedStatus[];
  /** The next `count` (1 unless told) requests fail like this. `headers` go with the answer, such as `retry-after`. */
  failNext(failure: Failure, options?: { readonly count?: number; readonly headers?: Readonly<Record<string, string>> }): void;
  /** Requests that GitHub's description does not allow, and answers of ours that it does not allow either. */
  faults(): string[];
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

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
  const book = new StatusBook();
  const faults: string[] = [];
  const failures: { failure: Failure; headers: Readonly<Record<string, string>> }[] = [];

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '/' } = request;
    const { pathname, searchParams } = new URL(url, 'http://localhost');
    const name = `${method} ${pathname}`;
    const body = await text(request);
    const failure = failures.shift();
    if (failure?.failure === 'hang') return;
    if (failure?.failure === 'drop') return void request.socket.destroy();
    const operation = findOperation(method, pathname);
    if (operation === undefined) faults.push(`${name}: GitHub's description has no such operation here`);
    const answer =
      failure === undefined
        ? judge({ request, operation, body: parsed(body), query: searchParams })
        : { ...refusal(failure.failure), headers: failure.headers };
    for (const fault of operation?.faultsOfResponse(answer.status, answer.body) ?? []) faults.push(`${name}: our answer: ${fault}`);
    response.writeHead(answer.status, { 'content-type': 'application/json; charset=utf-8', ...answer.headers });
    response.end(JSON.stringify(answer.body));
  }

  function judge(asked: { request: IncomingMessage; operation: Described | undefined; body: unknown; query: URLSearchParams }): Answer {
    const { request, operation, body, query } = asked;
    // in GitHub's order: who asks, for what, and only then whether the question is well formed
    if (request.headers['user-agent'] === undefined) return refusal(403);
    if (!/^(token|bearer) /i.test(request.headers.authorization ?? '') || request.headers.authorization?.split(' ')[1] !== options.token)
      return refusal(401);
    const { owner, repo, sha, ref } = operation?.parameters ?? {};
    if (operation === undefined || owner !== options.owner || repo !== options.repo) return refusal(404);
    const wrong = operation.faultsOfRequest(body);
    faults.push(...wrong.map((fault) => `${operation.operationId}: ${fault}`));
    if (wrong.length > 0) return { status: 422, body: { message: `Invalid request.\n\n${wrong.join('\n')}` } };
    if (sha === undefined) return { status: 200, body: book.list(ref ?? '', query) };
    return book.add({ sha, body: body as Record<string, string>, at: `${url}/repos/${owner}/${repo}/statuses/${sha}` });
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      faults.push(`the stand-in failed: ${String(error)}`);
      response.destroy();
    });
  });
  await new Promise<void>((listening, refuse) => {
    server.once('error', refuse);
    server.listen(options.port ?? 0, '127.0.0.1', () => listening());
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    statuses: (sha) => book.posted(sha),
    failNext: (failure, { count = 1, headers = {} } = {}) => failures.push(...Array.from({ length: count }, () => ({ failure, headers }))),
    faults: () => [...faults],
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

function parsed(body: string): unknown {
  try {
    return body === '' ? undefined : (JSON.parse(body) as unknown);
  } catch {
    return body;
  }
}

function refusal(status: number): Answer {
  return { status, body: { message: MESSAGES[status], documentation_url: 'https://docs.github.com/rest', status: String(status) } };
}
