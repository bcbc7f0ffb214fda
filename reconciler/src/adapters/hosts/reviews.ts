/** Open pull requests, and one comment of ours on each, found again and kept up to date: whatever the host. */
import { clipMarkdown } from '../../host-limits.ts';
import type { CommentHost, PostResult, OpenPullRequest, PullRequestComment, PullRequestsResult } from '../../ports.ts';
import { isRefName } from '../../source-url.ts';
import { commitAt, numberAt, textAt } from './json.ts';
import { judge, unknownOf } from './judge.ts';
import type { About } from './judge.ts';
import { list } from './pages.ts';
import type { Listing } from './pages.ts';
import type { Api, Call, Reply } from './rest.ts';

/** A comment as a host lists it. */
export interface FoundComment {
  readonly id: number;
  readonly body: string;
  /** Who wrote it, in the same words as `self`. */
  readonly author: string | undefined;
}

/** Who we are; `undefined` where the host doesn't tell us. */
export type Self = { readonly author: string | undefined } | { readonly failed: Reply };

/** How a host does pull requests and comments. */
export interface ReviewShape {
  /** Most characters of a comment. */
  readonly limit: number;
  /** The first line, by which our comment is found again; `hiddenLine` unless told. */
  firstLine?(marker: string): string;
  /** `numericSelf` unless told. */
  self?(signal: AbortSignal): Promise<Self>;
  /** Path of the comments' first page, oldest first, with a page's size in the query. */
  comments(pullRequest: number): string;
  readComment(item: unknown): FoundComment | undefined;
  readonly create: (pullRequest: number, body: string) => Call;
  readonly update: (pullRequest: number, id: number, body: string) => Call;
  /** Path of the open pull requests' first page, with a page's size in the query. */
  readonly pullRequests: string;
  readPullRequest(item: unknown): OpenPullRequest | undefined;
}

/** Pages of comments that are looked through. */
const MOST_COMMENT_PAGES = 50;

export class Reviews implements CommentHost {
  readonly #api: Api;
  readonly #shape: ReviewShape;
  readonly #about: About & { readonly apiUrl: string };

  constructor(api: Api, shape: ReviewShape, about: About & { readonly apiUrl: string }) {
    this.#api = api;
    this.#shape = shape;
    this.#about = about;
  }

  async upsert({ pullRequest, marker, body, onlyChange }: PullRequestComment, signal: AbortSignal): Promise<PostResult> {
    const self = await (this.#shape.self?.(signal) ?? numericSelf(this.#api, signal));
    if ('failed' in self) return judge(self.failed, { ...this.#about, permission: 'to see its own account' });
    const first = (this.#shape.firstLine ?? hiddenLine)(plainMarker(marker));
    const listed = await list(this.#api, this.#listing({ pullRequest, first, author: self.author }), signal);
    if (listed.kind === 'failed') return judge(listed.reply, this.#about);
    const text = `${first}\n\n${clipMarkdown(body.trim(), this.#shape.limit - first.length - 2)}`;
    for (const comment of listed.items) {
      const result = await this.#change(comment, { pullRequest, text, known: self.author !== undefined }, signal);
      if (result !== undefined) return result;
    }
    if (onlyChange) return { kind: 'posted' };
    // Another one would be made at every call.
    if (!listed.all) return { kind: 'refused', message: `#${pullRequest} has too many comments to find ours among them` };
    const reply = await this.#api.ask(this.#shape.create(pullRequest, text), signal);
    return reply.kind === 'answer' && reply.status === 201 ? { kind: 'posted' } : judge(reply, this.#about);
  }

  /** `undefined` when the comment is gone meanwhile or, where we don't know who we are, somebody else's. */
  async #change(
    comment: FoundComment,
    { pullRequest, text, known }: { readonly pullRequest: number; readonly text: string; readonly known: boolean },
    signal: AbortSignal,
  ): Promise<PostResult | undefined> {
    if (normal(comment.body) === normal(text)) return { kind: 'posted' };
    const reply = await this.#api.ask(this.#shape.update(pullRequest, comment.id, text), signal);
    const status = reply.kind === 'answer' ? reply.status : undefined;
    if (status === 200) return { kind: 'posted' };
    const passed = status === 404 || (status === 403 && !known && judge(reply, this.#about).kind === 'refused');
    return passed ? undefined : judge(reply, this.#about);
  }

  async pullRequests(signal: AbortSignal): Promise<PullRequestsResult> {
    const { pullRequests: path } = this.#shape;
    const keep = (item: unknown): OpenPullRequest | undefined => {
      const read = this.#shape.readPullRequest(item);
      return read !== undefined && isRefName(read.base) && isRefName(read.ref) ? read : undefined;
    };
    const listed = await list(this.#api, { path, keep, apiUrl: this.#about.apiUrl }, signal);
    if (listed.kind === 'failed') return unknownOf(listed.reply, this.#about);
    return { kind: 'listed', pullRequests: listed.items.toSorted((a, b) => b.number - a.number) };
  }

  #listing(about: { readonly pullRequest: number; readonly first: string; readonly author: string | undefined }): Listing<FoundComment> {
    const keep = (item: unknown): FoundComment | undefined => {
      const comment = this.#shape.readComment(item);
      if (comment === undefined || normal(comment.body).split('\n', 1)[0] !== about.first) return undefined;
      return about.author === undefined || comment.author === about.author ? comment : undefined;
    };
    const first = about.author !== undefined;
    return { path: this.#shape.comments(about.pullRequest), keep, most: MOST_COMMENT_PAGES, apiUrl: this.#about.apiUrl, first };
  }
}

/** The account that the token belongs to, by its number. */
export async function numericSelf(api: Api, signal: AbortSignal): Promise<Self> {
  const reply = await api.ask({ method: 'GET', path: '/user' }, signal);
  const id = reply.kind === 'answer' && reply.status === 200 ? numberAt(reply.body, 'id') : undefined;
  return id === undefined ? { failed: reply } : { author: `user ${id}` };
}

/** A comment with its author at `by`, by the number. */
export function numericComment(item: unknown, by: 'user' | 'author'): FoundComment | undefined {
  const [id, body, author] = [numberAt(item, 'id'), textAt(item, 'body'), numberAt(item, by, 'id')];
  return id === undefined || body === undefined || author === undefined ? undefined : { id, body, author: `user ${author}` };
}

/** A pull request as GitHub, and Gitea after it, list one. */
export function numberedPullRequest(item: unknown): OpenPullRequest | undefined {
  const [number, commit, base] = [numberAt(item, 'number'), commitAt(item, 'head', 'sha'), textAt(item, 'base', 'ref')];
  if (number === undefined || commit === undefined || base === undefined) return undefined;
  return { number, commit, ref: `refs/pull/${number}/head`, base };
}

/** How comments are written on GitHub, and on Gitea after it; `base` is the repository's path. */
export function issueComments(base: string): Pick<ReviewShape, 'create' | 'update'> & { of: (pullRequest: number) => string } {
  const of = (pullRequest: number): string => `${base}/issues/${pullRequest}/comments`;
  return {
    of,
    create: (pullRequest, body) => ({ method: 'POST', path: of(pullRequest), body: { body } }),
    update: (_pullRequest, id, body) => ({ method: 'PATCH', path: `${base}/issues/comments/${id}`, body: { body } }),
  };
}

/** `/repos/owner/name` */
export function ownedPath(repository: string): string {
  return `/repos/${repository.split('/').map(encodeURIComponent).join('/')}`;
}

/** `<!-- parapet:diff (cluster) -->`: no reader sees it. */
function hiddenLine(marker: string): string {
  return `<!-- parapet:${marker} -->`;
}

/** A marker that can't end the HTML comment that holds it, nor be anything in Markdown. */
function plainMarker(marker: string): string {
  return marker
    .replace(/[^\w.:/() -]+/g, '-')
    .replace(/-{2,}/g, '-')
    .slice(0, 200);
}

/** As hosts change it when they store it. */
function normal(text: string): string {
  return text.replaceAll('\r\n', '\n').trim();
}
