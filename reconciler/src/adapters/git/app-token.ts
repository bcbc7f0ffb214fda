/** Installation tokens of a GitHub App, kept until shortly before they expire. */
import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/core';
import { Agent, fetch } from 'undici';
import { clip, plain } from '../../describe.ts';
import type { GitHubApp } from '../../git-secret.ts';

export interface TokenRequest {
  readonly app: GitHubApp;
  /** PEM certificates that the host's is judged by, instead of those of the system. */
  readonly ca?: string | undefined;
  readonly signal: AbortSignal;
}

/** Milliseconds before its end from which a token is no longer used: a fetch may last. */
const MARGIN_MS = 5 * 60_000;
const silent = (): void => undefined;

export class AppToken {
  readonly #now: () => number;
  #kept: { readonly for: string; readonly token: string; readonly until: number } | undefined;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Rejects with a sentence that holds no secret. */
  async get(request: TokenRequest): Promise<string> {
    const asked = JSON.stringify([request.app, request.ca]);
    if (this.#kept?.for === asked && this.#now() < this.#kept.until) return this.#kept.token;
    const { token, expires } = await exchange(request);
    this.#kept = { for: asked, token, until: expires - MARGIN_MS };
    return token;
  }
}

/**
 * The exchange itself is ours: the library's shares a pending one between all Apps that ask for an installation of the same number, so a
 * source with another's number and no valid key could be handed the other's token.
 */
async function exchange({ app, ca, signal }: TokenRequest): Promise<{ readonly token: string; readonly expires: number }> {
  const agent = ca === undefined ? undefined : new Agent({ connect: { ca } });
  let proof = '';
  try {
    ({ token: proof } = await createAppAuth({ appId: app.appId, privateKey: app.privateKey })({ type: 'app' }));
    const client = new Octokit({
      baseUrl: app.apiUrl,
      userAgent: 'parapet',
      log: { debug: silent, info: silent, warn: silent, error: silent },
    });
    const { data, status } = await client.request('POST /app/installations/{installation_id}/access_tokens', {
      installation_id: Number(app.installationId),
      headers: { authorization: `bearer ${proof}` },
      // A redirect would take the proof elsewhere.
      request: { signal, redirect: 'manual', ...(agent === undefined ? {} : { fetch: fetchWith(agent) }) },
    });
    const answer = data as { readonly token?: unknown; readonly expires_at?: unknown };
    const expires = Date.parse(String(answer.expires_at));
    if (typeof answer.token !== 'string' || !/^[\x21-\x7e]{1,4000}$/.test(answer.token) || Number.isNaN(expires))
      throw new Error(`it answered ${status} without a token`);
    return { token: answer.token, expires };
  } catch (error) {
    signal.throwIfAborted();
    const text = error instanceof Error ? error.message : String(error);
    const said = clip(plain(proof === '' ? text : text.replaceAll(proof, '***')), 200);
    throw new Error(`${app.apiUrl} gave no token for installation ${app.installationId} of the GitHub App ${app.appId}: ${said}`);
  } finally {
    await agent?.close();
  }
}

function fetchWith(dispatcher: Agent) {
  return (url: string, options: object) => fetch(url, { ...options, dispatcher });
}
