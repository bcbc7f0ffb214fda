/** All objects of one kind, a page at a time. */
import type { Connection } from './connection.ts';

export interface ListOptions {
  readonly connection: Connection;
  /** `/apis/parapet.dev/v1alpha1/policysources` */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
}

export interface ListPage<Item> {
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string };
  readonly items?: readonly Item[];
}

const PAGE = '500';

/** Rejects as `Connection.ask` does, also in the middle: a list that takes too long expires. */
export async function* listPages<Item>({ connection, path, query }: ListOptions, signal: AbortSignal): AsyncGenerator<ListPage<Item>> {
  let token = '';
  do {
    const asked = { ...query, limit: PAGE, ...(token === '' ? {} : { continue: token }) };
    const page: ListPage<Item> = await connection.ask({ method: 'GET', path, query: asked, signal });
    yield page;
    token = page.metadata?.continue ?? '';
  } while (token !== '');
}
