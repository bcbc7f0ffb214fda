/** From a host's reply to what the outbox needs to know. */
import type { StatusState } from '../../outcome.ts';
import type { CommitStatus, FindResult, PostResult } from '../../ports.ts';
import type { Answer, Reply } from './rest.ts';

export type Failure = Exclude<PostResult, { readonly kind: 'posted' }>;

export interface About {
  /** `GitLab` */
  readonly host: string;
  readonly repository: string;
  /** What the token must be allowed: `scope "api"`. */
  readonly permission: string;
}

/** What a host asks for when it limits without saying how long. */
const LIMITED_MS = 60_000;
/** A host can't silence us for longer than this. */
const LONGEST_WAIT_MS = 3_600_000;

/** What became of a request that didn't succeed. */
export function judge(reply: Reply, { host, repository, permission }: About): Failure {
  if (reply.kind === 'silence') return { kind: 'retry', message: reply.message };
  if (reply.kind === 'barred') return { kind: 'refused', message: reply.message };
  const { status } = reply;
  const said = `${host} answered ${status}: ${reply.message}`;
  if (status >= 300 && status < 400) return { kind: 'refused', message: `${host} answered ${status}: has ${repository} been renamed?` };
  if (status < 300) return { kind: 'refused', message: `${host} answered ${status}, and not what it should` };
  if (status === 429 || (status === 403 && isLimit(reply))) return { kind: 'retry', message: said, after: limitedFor(reply) };
  if (status >= 500 || status === 408) return retryOf(said, reply);
  if (status === 401) return { kind: 'refused', message: `${said} (is the token right, and not expired?)` };
  if (status === 403) return { kind: 'refused', message: `${said} (the token needs ${permission} on ${repository})` };
  if (status === 404) return { kind: 'refused', message: `${said} (is ${repository} right, and may the token see it?)` };
  return { kind: 'refused', message: said };
}

export interface Unknown {
  readonly kind: 'unknown';
  readonly message: string;
  readonly refused: boolean;
  readonly after?: number;
}

/** The same for a question: it stays open. */
export function unknownOf(reply: Reply, about: About): Unknown {
  const failure = judge(reply, about);
  const after = failure.kind === 'retry' ? failure.after : undefined;
  return { kind: 'unknown', message: failure.message, refused: failure.kind !== 'retry', ...(after === undefined ? {} : { after }) };
}

/** Which status is asked for. */
export type StatusKey = Pick<CommitStatus, 'commit' | 'context'>;

/** What a host shows, as an answer to that question. */
export function found(
  { commit, context }: StatusKey,
  shown: { readonly state: StatusState; readonly description: string | undefined; readonly targetUrl: string | undefined },
): FindResult {
  const link = shown.targetUrl === undefined ? {} : { targetUrl: shown.targetUrl };
  const status: CommitStatus = { commit, context, state: shown.state, description: shown.description ?? '', ...link };
  return { kind: 'found', status };
}

function retryOf(message: string, answer: Answer): Failure {
  const after = retryAfter(answer);
  return after === undefined ? { kind: 'retry', message } : { kind: 'retry', message, after };
}

function isLimit({ headers, message }: Answer): boolean {
  return headers.has('retry-after') || remaining(headers) === '0' || /rate limit|abuse/i.test(message);
}

/** Milliseconds to wait: as the host says, or a minute. */
function limitedFor(answer: Answer): number {
  const after = retryAfter(answer);
  if (after !== undefined) return after;
  const { headers } = answer;
  const reset = Number(headers.get('x-ratelimit-reset') ?? headers.get('ratelimit-reset') ?? Number.NaN) * 1000 - Date.now();
  return reset > 0 && remaining(headers) === '0' ? Math.min(reset, LONGEST_WAIT_MS) : LIMITED_MS;
}

function remaining(headers: Headers): string | null {
  return headers.get('x-ratelimit-remaining') ?? headers.get('ratelimit-remaining');
}

/** What `retry-after` says, in seconds or as a date. */
function retryAfter({ headers }: Answer): number | undefined {
  const said = headers.get('retry-after');
  if (said === null || said.trim() === '') return undefined;
  const wait = /^\d+$/.test(said.trim()) ? Number(said) * 1000 : Date.parse(said) - Date.now();
  return wait >= 0 ? Math.min(wait, LONGEST_WAIT_MS) : undefined;
}
