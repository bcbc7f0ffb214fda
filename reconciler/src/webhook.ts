/** A webhook's delivery: which host it says it is from and what happened there, read from a request that anybody may have sent. */
import type { HostKind } from './source-spec.ts';
import type { WebhookDelivery, WebhookHeaders, WebhookRequest } from './webhook-delivery.ts';
import { readBitbucket, readGitea, readGitHub, readGitLab } from './webhook-payload.ts';
import type { PayloadReader } from './webhook-payload.ts';

/** A mebibyte: pushes with very many commits are larger, and are found by asking the repository. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** Hosts nest eight deep. */
const MAX_DEPTH = 64;

/** How each host says what happened; Gitea first, because it also sends GitHub's headers. */
const HOSTS: readonly { readonly host: HostKind; readonly event: string; readonly ids: readonly string[]; readonly read: PayloadReader }[] =
  [
    { host: 'Gitea', event: 'x-gitea-event', ids: ['x-gitea-delivery'], read: readGitea },
    { host: 'Gitea', event: 'x-forgejo-event', ids: ['x-forgejo-delivery'], read: readGitea },
    { host: 'Gitea', event: 'x-gogs-event', ids: ['x-gogs-delivery'], read: readGitea },
    { host: 'GitHub', event: 'x-github-event', ids: ['x-github-delivery'], read: readGitHub },
    // X-Gitlab-Event-UUID is shared by deliveries that cause one another, so it is no name of one.
    { host: 'GitLab', event: 'x-gitlab-event', ids: ['webhook-id', 'idempotency-key'], read: readGitLab },
    { host: 'Bitbucket', event: 'x-event-key', ids: ['x-request-uuid'], read: readBitbucket },
  ];

/** What a request says, or why it says nothing: one sentence. Nothing of it is true before `isGenuine` says so. */
export function readDelivery({
  headers,
  body,
}: WebhookRequest): { readonly delivery: WebhookDelivery } | { readonly fault: string; readonly host?: HostKind } {
  const from = HOSTS.find(({ event }) => headers[event] !== undefined);
  if (from === undefined) return { fault: 'no header says which event of GitHub, GitLab, Gitea, Forgejo or Bitbucket this is' };
  const { host, read } = from;
  const event = headerOf(headers, from.event);
  if (event === undefined) return { fault: 'the header with the event came more than once', host };
  const parsed = parse(body);
  if ('fault' in parsed) return { ...parsed, host };
  const said = read(event, parsed.payload);
  if ('fault' in said) return { ...said, host };
  const id = from.ids.map((name) => headerOf(headers, name)).find((value) => value !== undefined);
  const known = id !== undefined && /^[\w{}.:-]{1,128}$/.test(id) ? { id } : {};
  return { delivery: { host, ...known, changes: [], ...said } };
}

/** A header's value; nothing where it came more than once, because then nobody knows which one the host meant. */
export function headerOf(headers: WebhookHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

function parse(body: Buffer): { readonly payload: Readonly<Record<string, unknown>> } | { readonly fault: string } {
  if (body.length > MAX_BODY_BYTES) return { fault: 'the body is larger than a mebibyte' };
  let payload: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    if (isDeep(text)) return { fault: 'the body is nested too deep' };
    payload = JSON.parse(text);
  } catch {
    return { fault: 'the body is not JSON' };
  }
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return { fault: 'the body is not a JSON object' };
  return { payload: payload as Readonly<Record<string, unknown>> };
}

/** Counts brackets outside of strings. One look at each character, whatever they are. */
function isDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length && depth <= MAX_DEPTH; at += 1) {
    const character = text[at];
    if (inString && character === '\\') at += 1;
    else if (character === '"') inString = !inString;
    else if (!inString && (character === '[' || character === '{')) depth += 1;
    else if (!inString && (character === ']' || character === '}')) depth -= 1;
  }
  return depth > MAX_DEPTH;
}
