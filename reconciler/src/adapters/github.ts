/** Commit statuses on GitHub. Every answer is turned into what the outbox needs to know; nothing here throws. */
import { promises as fs } from 'node:fs';
import { Octokit } from '@octokit/core';
import { restEndpointMethods } from '@octokit/plugin-rest-endpoint-methods';
import { clip, plain } from '../describe.ts';
import { fitted, HOST_LIMITS } from '../host-limits.ts';
import type { StatusState } from '../outcome.ts';
import type { CommitStatus, FindResult, PostResult, StatusHost } from '../ports.ts';

export interface GitHubOptions {
  readonly owner: string;
  readonly repository: string;
  /** `https://api.github.com`, or a GitHub Enterprise Server's `https://HOST/api/v3`. */
  readonly apiUrl: string;
  /** Read again for every request, so that a token can be replaced while we run. */
  token(): Promise<string>;
  /** Milliseconds until no answer is a failure; 10,000 unless told. */
  readonly patience?: number;
}

const Client = Octokit.plugin(restEndpointMethods);
const silent = (): void => undefined;
/** What GitHub asks for when it limits without saying how long. */
const LIMITED_MS = 60_000;
/** A host can't silence us for longer than this. */
const LONGEST_WAIT_MS = 3_600_000;

const PER_PAGE = 100;
const MAX_PAGES = 10;

type GitHubClient = InstanceType<typeof Client>;

export class GitHub implements StatusHost {
  readonly limits = HOST_LIMITS.GitHub;
  readonly #options: GitHubOptions;

  constructor(options: GitHubOptions) {
    this.#options = options;
  }

  async post(status: CommitStatus, signal: AbortSignal): Promise<PostResult> {
    const { owner, repository } = this.#options;
    return this.#ask(signal, async (client, request) => {
      const { state, description, targetUrl } = fitted(status, this.limits);
      const response = await client.rest.repos.createCommitStatus({
        owner,
        repo: repository,
        sha: status.commit,
        state,
        description,
        context: status.context,
        ...(targetUrl === undefined ? {} : { target_url: targetUrl }),
        request,
      });
      // By its types it can't be anything else, by the network it can.
      const code: number = response.status;
      return code === 201
        ? { kind: 'posted' }
        : { kind: 'refused', message: `GitHub answered ${code}: has ${owner}/${repository} been renamed?` };
    });
  }

  async find({ commit, context }: Pick<CommitStatus, 'commit' | 'context'>, signal: AbortSignal): Promise<FindResult> {
    const { owner, repository } = this.#options;
    const found = await this.#ask<FindResult>(signal, async (client, request) => {
      for (let page = 1; page <= MAX_PAGES; page += 1) {
        const about = { owner, repo: repository, ref: commit, per_page: PER_PAGE, page, request };
        const { status: code, data } = await client.rest.repos.listCommitStatusesForRef(about);
        if (!Array.isArray(data)) return { kind: 'unknown', message: `GitHub answered ${Number(code)} without a list` };
        // Newest first, and GitHub takes contexts that differ in case only for the same.
        const newest = data.find((status) => status.context.toLowerCase() === context.toLowerCase());
        if (newest !== undefined) return foundStatus(newest);
        if (data.length < PER_PAGE) return { kind: 'none' };
      }
      return { kind: 'unknown', message: 'the commit has more statuses than are looked through' };
    });
    if (found.kind === 'found' || found.kind === 'none' || found.kind === 'unknown') return found;
    return { message: 'GitHub did not answer the question', ...found, kind: 'unknown' };
  }

  async #ask<T>(signal: AbortSignal, work: (client: GitHubClient, request: object) => Promise<T>): Promise<T | PostResult> {
    const { owner, repository, apiUrl, patience } = this.#options;
    let token: string;
    try {
      token = await this.#options.token();
    } catch {
      return { kind: 'refused', message: "GitHub's token can't be read" };
    }
    try {
      const log = { debug: silent, info: silent, warn: silent, error: silent };
      const client = new Client({ auth: token, baseUrl: apiUrl, userAgent: 'parapet', log });
      // A redirect would turn the request into another one, or take the token elsewhere.
      return await work(client, { signal: AbortSignal.any([signal, AbortSignal.timeout(patience ?? 10_000)]), redirect: 'manual' });
    } catch (error) {
      return judge(error, { token, apiUrl, name: `${owner}/${repository}` });
    }
  }
}

function foundStatus({
  state,
  description,
  target_url,
}: {
  state: string;
  description: string | null;
  target_url: string | null;
}): FindResult {
  const link = target_url === null ? {} : { targetUrl: target_url };
  return { kind: 'found', status: { state: state as StatusState, description: description ?? '', ...link } };
}

/** Reads a token from a file: without the line's end, and never empty. */
export async function readTokenFile(file: string): Promise<string> {
  const token = (await fs.readFile(file, 'utf8')).trim();
  if (token === '' || /\s/.test(token)) throw new Error('the token file holds no token');
  return token;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number | undefined>>;
  readonly message: string;
}

function judge(error: unknown, about: { readonly token: string; readonly apiUrl: string; readonly name: string }): PostResult {
  const message = clip(plain((error instanceof Error ? error.message : String(error)).replaceAll(about.token, '***')), 300);
  const answer = answerOf(error, message);
  if (answer === undefined) return { kind: 'retry', message: `GitHub (${about.apiUrl}) gave no answer: ${message}` };
  const said = `GitHub answered ${answer.status}: ${message}`;
  if (answer.status === 429 || (answer.status === 403 && isLimit(answer)))
    return { kind: 'retry', message: said, after: limitedFor(answer) };
  if (answer.status >= 500 || answer.status === 408) return { kind: 'retry', message: said };
  if (answer.status === 401) return { kind: 'refused', message: `${said} (is the token right, and not expired?)` };
  if (answer.status === 403) return { kind: 'refused', message: `${said} (the token needs "commit statuses: write" on ${about.name})` };
  if (answer.status === 404) return { kind: 'refused', message: `${said} (is ${about.name} right, and may the token see it?)` };
  // GitHub also answers 422 for what it takes for spam, and for a commit that a mirror has not brought it yet: only this is for ever.
  return { kind: /maximum number of statuses/i.test(message) ? 'closed' : 'refused', message: said };
}

/** What the host answered, if it did. */
function answerOf(error: unknown, message: string): Answer | undefined {
  if (!(error instanceof Error) || !('response' in error) || typeof error.response !== 'object' || error.response === null)
    return undefined;
  const response = error.response as { readonly status?: unknown; readonly headers?: unknown };
  if (typeof response.status !== 'number') return undefined;
  return { status: response.status, headers: (response.headers ?? {}) as Answer['headers'], message };
}

function isLimit({ headers, message }: Answer): boolean {
  return headers['retry-after'] !== undefined || String(headers['x-ratelimit-remaining']) === '0' || /rate limit|abuse/i.test(message);
}

/** Milliseconds to wait: as the host says, or a minute. */
function limitedFor({ headers }: Answer): number {
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  if (seconds >= 0) return Math.min(seconds * 1000, LONGEST_WAIT_MS);
  const reset = Number(headers['x-ratelimit-reset'] ?? Number.NaN) * 1000 - Date.now();
  return reset > 0 && String(headers['x-ratelimit-remaining']) === '0' ? Math.min(reset, LONGEST_WAIT_MS) : LIMITED_MS;
}
