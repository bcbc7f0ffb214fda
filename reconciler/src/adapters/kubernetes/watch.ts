/**
 * All objects of one kind, now and whenever they change. Built for what was seen to go wrong elsewhere: a watch that is cut when idle, an
 * expired version (410), an API server that restarts, events that never arrive. Whatever happens, a list taken anew every few minutes
 * brings the truth.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { StoredObject } from '../../api-object.ts';
import { StageError } from '../../stage-error.ts';
import { ApiError, apiErrorOf } from './answer.ts';
import type { Connection } from './connection.ts';

export interface WatchHandlers {
  onObject(object: StoredObject): void;
  /** By `namespace/name`; the namespace is empty for cluster-scoped kinds. */
  onGone(key: string): void;
  /** Everything that there was when it was asked for has been told; called after each list. */
  onSynced(): void;
  /** The watch broke and starts again; for logs and metrics. */
  onBroken?(why: string): void;
}

export interface WatchOptions {
  readonly connection: Connection;
  /** `/apis/parapet.dev/v1alpha1/policysources` */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Objects in one answer to a list; 500 unless told. Of large ones it should be few, since an answer is held in memory whole. */
  readonly page?: number;
  /** Milliseconds between lists; 600,000 unless told. */
  readonly relist?: number;
  /** Milliseconds of silence after which a watch is started anew: the server sends a bookmark about every minute. 150,000 unless told. */
  readonly silence?: number;
}

const PAGE = 500;
const BACKOFF = { first: 100, longest: 10_000 };

export function keyOf({ namespace = '', name }: { readonly namespace?: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

/** Watches until the signal is aborted; never rejects but for a bug. */
export async function watchObjects(options: WatchOptions, handlers: WatchHandlers, signal: AbortSignal): Promise<void> {
  const watching = new Watching(options, handlers);
  let failures = 0;
  while (!signal.aborted) {
    try {
      await watching.round(signal, () => (failures = 0));
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError) && !(error instanceof StageError)) throw error;
      handlers.onBroken?.(error.message);
      const wait = Math.min(BACKOFF.first * 2 ** Math.min(failures, 20), BACKOFF.longest);
      failures += 1;
      await delay(wait, undefined, { signal }).catch(() => undefined);
    }
  }
}

class Watching {
  readonly #options: WatchOptions;
  readonly #handlers: WatchHandlers;
  /** Names of all objects that were told, to find those that went while nobody was watching. */
  #known = new Set<string>();

  constructor(options: WatchOptions, handlers: WatchHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  /** A list, then watches from there until it is time for the next list. */
  async round(signal: AbortSignal, onGood: () => void): Promise<void> {
    let version: string | undefined = await this.#list(signal);
    onGood();
    let started = 0;
    const until = Date.now() + (this.#options.relist ?? 600_000);
    while (version !== undefined && Date.now() < until && !signal.aborted) {
      // A server that ends every watch at once must not keep us spinning.
      if (Date.now() - started < 1000) await delay(BACKOFF.first, undefined, { signal }).catch(() => undefined);
      started = Date.now();
      version = await this.#watch(version, { seconds: Math.ceil((until - Date.now()) / 1000), signal });
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { connection, path, query, page: limit = PAGE } = this.#options;
    const seen = new Set<string>();
    let token = '';
    for (;;) {
      const page: ListPage = await connection.ask<ListPage>({
        method: 'GET',
        path,
        query: { ...query, limit: String(limit), ...(token === '' ? {} : { continue: token }) },
        signal,
      });
      for (const item of page.items ?? []) {
        seen.add(keyOf(item.metadata));
        this.#handlers.onObject(item);
      }
      token = page.metadata?.continue ?? '';
      if (token !== '') continue;
      for (const key of this.#known) if (!seen.has(key)) this.#handlers.onGone(key);
      this.#known = seen;
      this.#handlers.onSynced();
      return page.metadata?.resourceVersion ?? '';
    }
  }

  /** Where to go on from; `undefined` when only a list can tell. */
  async #watch(from: string, { seconds, signal }: { readonly seconds: number; readonly signal: AbortSignal }): Promise<string | undefined> {
    const { connection, path, query } = this.#options;
    const silent = new AbortController();
    const silence = this.#options.silence ?? 150_000;
    let timer = setTimeout(() => silent.abort(), silence);
    let version = from;
    let isHeard = false;
    try {
      const asked = { watch: 'true', allowWatchBookmarks: 'true', resourceVersion: from, timeoutSeconds: String(seconds) };
      const both = AbortSignal.any([signal, silent.signal]);
      for await (const line of connection.lines({ path, query: { ...query, ...asked }, signal: both })) {
        clearTimeout(timer);
        timer = setTimeout(() => silent.abort(), silence);
        isHeard = true;
        version = this.#event(line) ?? version;
      }
      return version;
    } catch (error) {
      if (signal.aborted) return version;
      if (error instanceof ApiError && error.code === 410) {
        this.#handlers.onBroken?.('its version has expired');
        return undefined;
      }
      // Nobody is there: that is asked about ever more slowly.
      if (error instanceof ApiError || (error instanceof StageError && !isHeard)) throw error;
      this.#handlers.onBroken?.(silent.signal.aborted ? 'it fell silent' : messageOf(error));
      // A cut connection loses nothing: the server sends what came after this version.
      return version;
    } finally {
      clearTimeout(timer);
    }
  }

  #event(line: string): string | undefined {
    const { type, object } = parsed(line);
    if (type === 'ERROR') throw apiErrorOf(object);
    const { metadata } = (object ?? {}) as Partial<StoredObject>;
    if (metadata === undefined) return undefined;
    if (type === 'DELETED') {
      this.#known.delete(keyOf(metadata));
      this.#handlers.onGone(keyOf(metadata));
    } else if (type !== 'BOOKMARK') {
      this.#known.add(keyOf(metadata));
      this.#handlers.onObject(object as StoredObject);
    }
    return metadata.resourceVersion;
  }
}

interface ListPage {
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string };
  readonly items?: readonly StoredObject[];
}

function parsed(line: string): { readonly type?: unknown; readonly object?: unknown } {
  try {
    return JSON.parse(line) as { type?: unknown; object?: unknown };
  } catch (cause) {
    throw new StageError('target', 'the API server sent half an event', { cause });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
