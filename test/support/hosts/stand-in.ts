/** A stand-in for a host's REST API on loopback: each request and answer is held against the host's published description. */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Described, FindOperation } from './described.ts';

/** An HTTP status; `hang` accepts the request and never answers; `drop` cuts the connection; `lose` does so when the work is done. */
export type Failure = number | 'hang' | 'drop' | 'lose';

export interface FailureOptions {
  /** 1 unless told. */
  readonly count?: number;
  /** Go with the answer, such as `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Requests with other methods are served as ever. */
  readonly method?: string;
  /** Instead of the host's own words. */
  readonly message?: string;
}

export interface StandIn {
  /** Base of the API. */
  readonly url: string;
  /** The next requests fail like this. */
  failNext(failure: Failure, options?: FailureOptions): void;
  /** Requests that the host's description does not allow, and answers of ours that it does not allow either. */
  faults(): string[];
  /** What was asked, as `GET /user`, oldest first. */
  asked(): string[];
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Asked {
  readonly request: IncomingMessage;
  readonly parameters: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly query: URLSearchParams;
  /** Base of the API. */
  readonly url: string;
}

export interface Rules {
  /** `GitHub` */
  readonly name: string;
  /** `/api/v4`; empty unless told. */
  readonly prefix?: string;
  /** Whether `prefix` is in the description's paths too. */
  readonly prefixDescribed?: boolean;
  readonly find: FindOperation;
  /** Whether who asks may ask that; a refusal if not. In the host's order: who asks, for what. */
  admit(asked: Asked, operation: Described): Answer | undefined;
  /** In the host's words. */
  refusal(status: number, message?: string): Answer;
  /** The status for a request that doesn't fit the description. */
  readonly unfit: number;
  readonly operations: Readonly<Record<string, (asked: Asked) => Answer>>;
  /** Any free one unless told. */
  readonly port?: number;
}

export async function startStandIn(rules: Rules): Promise<StandIn> {
  const { prefix = '' } = rules;
  const faults: string[] = [];
  const asked: string[] = [];
  const failures: { failure: Failure; options: FailureOptions }[] = [];
  let url = '';

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://localhost');
    const method = request.method ?? '';
    asked.push(`${method} ${pathname.slice(prefix.length)}`);
    const body = parsed(await text(request));
    const failure = nextFailure(method);
    if (failure?.failure === 'hang') return;
    if (failure?.failure === 'drop') return void request.socket.destroy();
    const answer = answerTo({ request, pathname, body, query }, failure);
    if (failure?.failure === 'lose') return void request.socket.destroy();
    send(response, answer);
  }

  function answerTo(
    { request, pathname, ...rest }: { request: IncomingMessage; pathname: string; body: unknown; query: URLSearchParams },
    failure: (typeof failures)[number] | undefined,
  ): Answer {
    const method = request.method ?? '';
    const operation = rules.find(method, rules.prefixDescribed === true ? pathname : pathname.slice(prefix.length));
    if (operation === undefined) faults.push(`${method} ${pathname}: ${rules.name}'s description has no such operation here`);
    const answer = failed(failure) ?? judge({ request, parameters: operation?.parameters ?? {}, ...rest, url }, operation);
    for (const fault of operation?.faultsOfResponse(answer.status, answer.body) ?? [])
      faults.push(`${method} ${pathname}: our answer: ${fault}`);
    return answer;
  }

  function failed(told: (typeof failures)[number] | undefined): Answer | undefined {
    if (typeof told?.failure !== 'number') return undefined;
    const { headers = {}, message } = told.options;
    return { ...rules.refusal(told.failure, message), headers };
  }

  function nextFailure(method: string): (typeof failures)[number] | undefined {
    const index = failures.findIndex(({ options }) => options.method === undefined || options.method === method);
    return index < 0 ? undefined : failures.splice(index, 1)[0];
  }

  function judge(question: Asked, operation: Described | undefined): Answer {
    if (operation === undefined) return rules.refusal(404);
    const refused = rules.admit(question, operation);
    if (refused !== undefined) return refused;
    const wrong = operation.faultsOfRequest(question.body, question.query);
    faults.push(...wrong.map((fault) => `${operation.operationId}: ${fault}`));
    if (wrong.length > 0) return rules.refusal(rules.unfit, `Invalid request.\n\n${wrong.join('\n')}`);
    return rules.operations[operation.operationId]?.(question) ?? rules.refusal(501, `${operation.operationId} is not served here`);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      faults.push(`the stand-in failed: ${String(error)}`);
      response.destroy();
    });
  });
  await new Promise<void>((listening, refuse) => {
    server.once('error', refuse);
    server.listen(rules.port ?? 0, '127.0.0.1', () => listening());
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`;
  return {
    url,
    failNext: (failure, options = {}) => failures.push(...Array.from({ length: options.count ?? 1 }, () => ({ failure, options }))),
    faults: () => [...faults],
    asked: () => [...asked],
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

function parsed(body: string): unknown {
  try {
    return body === '' ? undefined : (JSON.parse(body) as unknown);
  } catch {
    return body;
  }
}

export interface Page<T> {
  readonly items: readonly T[];
  /** The `link` header that most hosts give. */
  readonly headers: Readonly<Record<string, string>>;
  readonly more: boolean;
  readonly number: number;
  readonly size: number;
}

/** One page of a list; `name` is the query's parameter for its size. */
export function page<T>(items: readonly T[], { query, url }: Asked, sizes: { name: string; most: number; usual: number }): Page<T> {
  const size = Math.min(Number(query.get(sizes.name) ?? sizes.usual), sizes.most);
  const number = Number(query.get('page') ?? 1);
  const more = items.length > number * size;
  const last = Math.ceil(items.length / size);
  const link = `<${url}/?page=${number + 1}>; rel="next", <${url}/?page=${last}>; rel="last"`;
  return { items: items.slice((number - 1) * size, number * size), headers: more ? { link } : {}, more, number, size };
}
