/** A stand-in for what GitHub does for its Apps: an installation's token for who proves to be the App. Held against GitHub's description. */
import { createPublicKey, verify } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { findOperation } from './description.ts';

export interface GithubAppOptions {
  readonly appId: string;
  readonly installationId: number;
  /** PEM. */
  readonly publicKey: string;
  /** Seconds that a token lasts; an hour, as GitHub's, unless told. */
  readonly lifetime?: number;
}

export interface GithubApps {
  readonly url: string;
  /** Tokens that were given, in order. */
  readonly tokens: string[];
  /** Requests that GitHub's description does not allow, and answers of ours that it does not allow either. */
  readonly faults: string[];
  /** What the stand-in answers instead. */
  failure: { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } | undefined;
  /** How long it takes, in milliseconds. */
  delay: number;
  close(): Promise<void>;
}

/** Apps on loopback, each with one installation; two of them may have the same number. */
export async function startGithubApps(apps: readonly GithubAppOptions[]): Promise<GithubApps> {
  const server = createServer((request, response) => {
    const { method = '', url = '/' } = request;
    void (async (): Promise<void> => {
      const sent = await text(request);
      const operation = findOperation(method, url);
      if (operation === undefined) state.faults.push(`${method} ${url}: GitHub's description has no such operation here`);
      const body = sent === '' ? undefined : (JSON.parse(sent) as unknown);
      if (body !== undefined) state.faults.push(...(operation?.faultsOfRequest(body) ?? []));
      if (state.delay > 0) await new Promise((done) => setTimeout(done, state.delay));
      const id = Number(operation?.parameters['installation_id']);
      const answer = state.failure ?? judge(apps, { proof: request.headers.authorization, id, tokens: state.tokens });
      if (state.failure === undefined) state.faults.push(...(operation?.faultsOfResponse(answer.status, answer.body) ?? []));
      response.writeHead(answer.status, { 'content-type': 'application/json; charset=utf-8', ...state.failure?.headers });
      response.end(JSON.stringify(answer.body));
    })();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', () => listening()));
  const state: GithubApps = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tokens: [],
    faults: [],
    failure: undefined,
    delay: 0,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
  return state;
}

function judge(
  apps: readonly GithubAppOptions[],
  asked: { readonly proof: string | undefined; readonly id: number; readonly tokens: string[] },
): { readonly status: number; readonly body?: unknown } {
  const app = apps.find((candidate) => isProof(asked.proof, candidate));
  const documentation_url = 'https://docs.github.com/rest';
  if (app === undefined) return { status: 401, body: { message: 'A JSON web token could not be decoded', documentation_url } };
  if (app.installationId !== asked.id) return { status: 404, body: { message: 'Not Found', documentation_url } };
  const token = `ghs_${app.appId}x${asked.tokens.length + 1}`;
  asked.tokens.push(token);
  const expires_at = new Date(Date.now() + (app.lifetime ?? 3600) * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  return {
    status: 201,
    body: { token, expires_at, permissions: { contents: 'read', metadata: 'read' }, repository_selection: 'selected' },
  };
}

/** GitHub takes a proof of at most ten minutes, signed with the App's key. */
function isProof(header: string | undefined, { appId, publicKey }: GithubAppOptions): boolean {
  const [, head, body, signature] = /^bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/i.exec(header ?? '') ?? [];
  if (head === undefined || body === undefined || signature === undefined) return false;
  if (!verify('RSA-SHA256', Buffer.from(`${head}.${body}`), createPublicKey(publicKey), Buffer.from(signature, 'base64url'))) return false;
  const read = (part: string): Record<string, unknown> => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
  const { iss, iat, exp } = read(body);
  const now = Date.now() / 1000;
  return read(head)['alg'] === 'RS256' && String(iss) === appId && Number(iat) <= now && Number(exp) > now && Number(exp) <= now + 600;
}
