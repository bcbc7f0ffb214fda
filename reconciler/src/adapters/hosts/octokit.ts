/** Asks GitHub's REST API through Octokit, with a token or as a GitHub App. */
import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/core';
import type { Credentials } from './credentials.ts';
import { answerOf, fetchBounded, hider, silence, unlockFor } from './rest.ts';
import type { Api, Call, HostOptions, Reply } from './rest.ts';

const silent = (): void => undefined;

export class OctokitApi implements Api {
  readonly #options: HostOptions;
  /** The client of the credentials that were read last: it keeps an App's installation token until shortly before that expires. */
  #client: { readonly key: string; readonly octokit: Octokit } | undefined;

  constructor(options: HostOptions) {
    this.#options = { ...options, apiUrl: options.apiUrl.replace(/\/+$/, '') };
  }

  /** The App that we are, if we are one; `barred` as in `unlock`. */
  async app(): Promise<{ readonly id: number | undefined } | { readonly barred: string }> {
    const unlocked = await unlockFor('GitHub', this.#options);
    if ('barred' in unlocked) return unlocked;
    return { id: unlocked.credentials.kind === 'app' ? unlocked.credentials.appId : undefined };
  }

  async ask({ method, path, body }: Call, signal: AbortSignal): Promise<Reply> {
    const unlocked = await unlockFor('GitHub', this.#options);
    if ('barred' in unlocked) return { kind: 'barred', message: unlocked.barred };
    const hide = hider(unlocked.credentials);
    try {
      // Braces would be taken for a template's.
      const url = path.replaceAll('{', '%7B').replaceAll('}', '%7D');
      const headers = { 'x-github-api-version': '2022-11-28' };
      const octokit = this.#octokit(unlocked.credentials);
      const response = await octokit.request({ method, url, headers, request: { signal }, ...(body === undefined ? {} : { data: body }) });
      return answerOf({ status: response.status, headers: headersOf(response.headers), body: response.data }, hide);
    } catch (error) {
      const response = responseOf(error);
      if (response === undefined) return silence(`GitHub (${this.#options.apiUrl})`, error, hide);
      return answerOf({ status: response.status, headers: headersOf(response.headers), body: response.data }, hide);
    }
  }

  #octokit(credentials: Credentials): Octokit {
    const key = JSON.stringify(credentials);
    if (this.#client?.key === key) return this.#client.octokit;
    const { apiUrl, patience } = this.#options;
    const octokit = new Octokit({
      baseUrl: apiUrl,
      userAgent: 'parapet',
      log: { debug: silent, info: silent, warn: silent, error: silent },
      // Also for the requests that fetch an App's token.
      request: { fetch: (url: string, init: RequestInit) => fetchBounded(url, init, patience) },
      ...authOf(credentials),
    });
    this.#client = { key, octokit };
    return octokit;
  }
}

function authOf(credentials: Credentials): object {
  if (credentials.kind === 'token') return { auth: credentials.token };
  // GitHub takes tokens only; who writes a username beside it means Git's way of giving one.
  if (credentials.kind === 'basic') return { auth: credentials.password };
  const { appId, installationId, privateKey } = credentials;
  return { authStrategy: createAppAuth, auth: { appId, installationId, privateKey } };
}

interface Response {
  readonly status: number;
  readonly headers: unknown;
  readonly data: unknown;
}

/** What the host answered, if it did. */
function responseOf(error: unknown): Response | undefined {
  if (!(error instanceof Error) || !('response' in error)) return undefined;
  const { response } = error;
  if (typeof response !== 'object' || response === null || !('status' in response) || typeof response.status !== 'number') return undefined;
  return {
    status: response.status,
    headers: 'headers' in response ? response.headers : undefined,
    data: 'data' in response ? response.data : undefined,
  };
}

function headersOf(headers: unknown): Headers {
  const entries = Object.entries((headers ?? {}) as Readonly<Record<string, string | number | undefined>>);
  return new Headers(entries.filter(([, value]) => value !== undefined).map(([name, value]) => [name, String(value)]));
}
