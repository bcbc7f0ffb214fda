/** Asks a host's REST API: one request, one bounded reply in time, never an exception, never elsewhere, never the token in a message. */
import { clip, plain } from '../../describe.ts';
import { isLoopback } from '../../source-url.ts';
import { basic, secretsOf, unlock } from './credentials.ts';
import type { Credentials, SecretData } from './credentials.ts';
import { at, textAt } from './json.ts';

export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT';
  /** From the API's base, with the query: `/user`. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: object;
}

export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON, or `undefined` when it isn't any. */
  readonly body: unknown;
  /** What the host says about it: one short line. */
  readonly message: string;
}

/** `silence`: nobody answered; `barred`: we have nothing to ask with. */
export type Reply = Answer | { readonly kind: 'silence'; readonly message: string } | { readonly kind: 'barred'; readonly message: string };

export interface Api {
  ask(call: Call, signal: AbortSignal): Promise<Reply>;
}

export interface HostOptions {
  /** Base of the API: `https://gitlab.com/api/v4`. */
  readonly apiUrl: string;
  /** `owner/name`; with GitLab also deeper. */
  readonly repository: string;
  /** The Secret's data, read again for every request, so that it can be replaced while we run. */
  secret(): Promise<SecretData>;
  /** Milliseconds until no answer is a failure; 10,000 unless told. */
  readonly patience?: number;
}

/** Most bytes of an answer: a hundred comments can be long. */
const MOST_BYTES = 16 * 1024 * 1024;
const PATIENCE_MS = 10_000;

export class RestApi implements Api {
  readonly #host: string;
  readonly #options: HostOptions;
  readonly #authorize: (credentials: Credentials) => Readonly<Record<string, string>> | undefined;

  /** `authorize` gives the headers for credentials, or `undefined` when the host doesn't know such. */
  constructor(host: string, options: HostOptions, authorize: (credentials: Credentials) => Record<string, string> | undefined) {
    this.#host = host;
    this.#options = { ...options, apiUrl: options.apiUrl.replace(/\/+$/, '') };
    this.#authorize = authorize;
  }

  async ask({ method, path, body }: Call, signal: AbortSignal): Promise<Reply> {
    const { apiUrl, patience } = this.#options;
    const unlocked = await unlockFor(this.#host, this.#options);
    if ('barred' in unlocked) return { kind: 'barred', message: unlocked.barred };
    const authorization = this.#authorize(unlocked.credentials);
    if (authorization === undefined) return { kind: 'barred', message: `${this.#host} can't be asked with such a Secret` };
    const hide = hider(unlocked.credentials);
    try {
      const headers = { accept: 'application/json', 'user-agent': 'parapet', ...authorization };
      const init = body === undefined ? { headers } : { headers: { ...headers, ...JSON_BODY }, body: JSON.stringify(body) };
      const response = await fetchBounded(`${apiUrl}${path}`, { method, ...init, signal }, patience);
      return answerOf({ status: response.status, headers: response.headers, body: parsed(await response.text()) }, hide);
    } catch (error) {
      return silence(`${this.#host} (${apiUrl})`, error, hide);
    }
  }
}

/** An API that takes a token in the way of its scheme (`Bearer`), and a user with a password. */
export function authorizedApi(host: string, options: HostOptions, scheme: string): RestApi {
  return new RestApi(host, options, (credentials) => {
    if (credentials.kind === 'app') return undefined;
    return { authorization: credentials.kind === 'token' ? `${scheme} ${credentials.token}` : basic(credentials) };
  });
}

const JSON_BODY = { 'content-type': 'application/json' };

/** The credentials, for an API to which they may go: encrypted, or not over a network. */
export async function unlockFor(
  host: string,
  options: Pick<HostOptions, 'apiUrl' | 'secret'>,
): Promise<Awaited<ReturnType<typeof unlock>>> {
  const url = URL.canParse(options.apiUrl) ? new URL(options.apiUrl) : undefined;
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  if (!safe) return { barred: `the URL of ${host}'s API must be https` };
  return unlock(host, () => options.secret());
}

/** As `fetch`, but with redirects as they are, the whole answer read, not too long and not too late. */
export async function fetchBounded(url: string, init: RequestInit, patience = PATIENCE_MS): Promise<Response> {
  const limit = AbortSignal.timeout(patience);
  // A redirect would turn the request into another one, or take the token elsewhere.
  const response = await fetch(url, {
    ...init,
    redirect: 'manual',
    signal: init.signal === undefined || init.signal === null ? limit : AbortSignal.any([init.signal, limit]),
  });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    // Leaving the loop gives up the connection.
    if (size > MOST_BYTES) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  const { status, headers } = response;
  return new Response(size === 0 ? null : Buffer.concat(chunks), { status, headers });
}

/** An answer with what the host says in it found: each host has a place of its own for that. */
export function answerOf(raw: Pick<Answer, 'status' | 'headers' | 'body'>, hide: (text: string) => string): Answer {
  const { body } = raw;
  const said = textAt(body, 'message') ?? textAt(body, 'error', 'message') ?? textAt(body, 'error_description') ?? textAt(body, 'error');
  const message = said ?? (at(body, 'message') === undefined ? 'no reason given' : JSON.stringify(at(body, 'message')));
  return { kind: 'answer', ...raw, message: clip(plain(hide(message)), 300) };
}

export function silence(host: string, error: unknown, hide: (text: string) => string): Reply {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const text = cause instanceof Error && cause.message !== '' ? cause.message : String(error);
  return { kind: 'silence', message: `${host} gave no answer: ${clip(plain(hide(text)), 300)}` };
}

/** Blots out every secret of the credentials. */
export function hider(credentials: Credentials): (text: string) => string {
  return (text) => secretsOf(credentials).reduce((hidden, secret) => hidden.replaceAll(secret, '***'), text);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
