/** Reads lists that hosts give in pages: newer ones by a `link` header, Bitbucket by `next` in the body. */
import { listAt, textAt } from './json.ts';
import type { Answer, Api, Reply } from './rest.ts';

/** Pages that are read of what people don't have thousands of. */
export const MOST_PAGES = 20;
/** Said when there are more. */
export const TOO_MANY = 'the commit has too many statuses to find ours among them';

export interface Listing<T> {
  /** Of the first page, with its size in the query. */
  readonly path: string;
  /** What an item is worth keeping as, if it is. */
  keep(item: unknown): T | undefined;
  /** Most pages that are read; `MOST_PAGES` unless told. */
  readonly most?: number;
  /** Base of the API, for hosts that give the next page's address in full. */
  readonly apiUrl: string;
  /** Stops at the first that is kept. */
  readonly first?: boolean;
}

/** `all` is false when there were more pages than are read. */
export type Listed<T> =
  { readonly kind: 'listed'; readonly items: readonly T[]; readonly all: boolean } | { readonly kind: 'failed'; readonly reply: Reply };

export async function list<T>(api: Api, listing: Listing<T>, signal: AbortSignal): Promise<Listed<T>> {
  const items: T[] = [];
  let path: string | undefined = listing.path;
  for (let page = 1; page <= (listing.most ?? MOST_PAGES) && path !== undefined; page += 1) {
    const reply = await api.ask({ method: 'GET', path }, signal);
    if (reply.kind !== 'answer' || reply.status !== 200) return { kind: 'failed', reply };
    const found = Array.isArray(reply.body) ? (reply.body as readonly unknown[]) : listAt(reply.body, 'values');
    items.push(...found.map((item) => listing.keep(item)).filter((item) => item !== undefined));
    if (listing.first === true && items.length > 0) return { kind: 'listed', items, all: true };
    path = nextOf(reply, listing, page + 1);
  }
  return { kind: 'listed', items, all: path === undefined };
}

/** The next page's path. An address that leads away from the API is none: the token would go there. */
function nextOf(reply: Answer, listing: Listing<unknown>, page: number): string | undefined {
  if (/\brel="?next\b/.test(reply.headers.get('link') ?? '')) return `${listing.path}&page=${page}`;
  const next = textAt(reply.body, 'next');
  const base = `${listing.apiUrl.replace(/\/+$/, '')}/`;
  return next?.startsWith(base) === true ? next.slice(base.length - 1) : undefined;
}
