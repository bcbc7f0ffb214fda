/**
 * Requests to the API server. `@kubernetes/client-node` knows who we are and whom to trust, whatever way that is configured; its request
 * layer is not used, because it ends every watch after 30 s of silence, has no strict field validation, and opens a connection a request.
 */
import type { RequestOptions } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, ProxyAgent, request } from 'undici';
import type { Dispatcher } from 'undici';
import { StageError } from '../../stage-error.ts';
import { readAnswer } from './answer.ts';
import { loadKubeConfig } from './kubeconfig.ts';
import type { ClusterChoice } from './kubeconfig.ts';

export interface Ask {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/apis/parapet.dev/v1alpha1/policysources` */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** `application/json` unless told. */
  readonly contentType?: string;
  /** `system:serviceaccount:NAMESPACE:NAME`: who is asking, instead of us. */
  readonly as?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until no answer is a failure; 30,000 unless told. */
  readonly patience?: number;
}

export interface ConnectionOptions extends ClusterChoice {
  /** Hears of every answer, for metrics; `code` 0 is none. */
  readonly onAnswer?: (answer: { readonly method: string; readonly code: number }) => void;
}

/** Requests at one time: the API server fairly shares among its clients, and more would only wait there. */
const CONNECTIONS = 24;
const PATIENCE = 30_000;
/** Milliseconds after which tokens and certificates are read again: mounted ones are replaced about once an hour. */
const FRESH = 10_000;
/** Times that a request is sent again when the server is too busy, and the longest wait between, in milliseconds. */
const RETRIES = 5;
const LONGEST_WAIT = 5000;
/** Milliseconds after a time without answers in which a refusal may not be meant: a server that has just started knows nobody's rights yet. */
const WAKING = 10_000;

interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
  readonly readAt: number;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #config: KubeConfig;
  #credentials: Credentials | undefined;
  /** When a request last got no answer. */
  #silentAt = Number.NEGATIVE_INFINITY;
  /** The dispatcher in use, by what it was made from. */
  #made: { readonly from: string; readonly dispatcher: Dispatcher } | undefined;

  /** Throws a StageError when there is no usable configuration. */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#config = loadKubeConfig(options);
  }

  /** The namespace that this process is in, or that the kubeconfig names. */
  get namespace(): string | undefined {
    return this.#config.getContextObject(this.#config.getCurrentContext())?.namespace;
  }

  get #server(): string {
    return this.#config.getCurrentCluster()?.server ?? '';
  }

  /** The parsed answer. Rejects with an ApiError for what the server refuses, with a StageError when nobody answers, with the signal's reason when aborted. */
  async ask<T>(asked: Ask): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      const response = await this.#send(asked, attempt);
      const wait = busyFor(response, attempt, performance.now() - this.#silentAt < WAKING);
      if (wait === undefined) return (await this.#read(response, asked)) as T;
      await response.body.dump();
      await delay(wait, undefined, asked.signal === undefined ? {} : { signal: asked.signal }).catch(() => undefined);
    }
  }

  /** The lines of an answer that never ends. */
  async *lines(asked: Omit<Ask, 'method' | 'body'> & { readonly signal: AbortSignal }): AsyncGenerator<string> {
    const response = await this.#send({ ...asked, method: 'GET', patience: 0 }, 0);
    if (response.statusCode !== 200) await readAnswer(response, this.#about({ ...asked, method: 'GET' }));
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body) {
      rest += decoder.decode(chunk as Uint8Array, { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  }

  async close(): Promise<void> {
    await this.#made?.dispatcher.destroy();
  }

  async #read(response: Dispatcher.ResponseData, asked: Ask): Promise<unknown> {
    try {
      return await readAnswer(response, this.#about(asked));
    } catch (error) {
      // An answer that was cut short by the signal is no failure of the server.
      asked.signal?.throwIfAborted();
      throw error;
    }
  }

  #about({ method, path }: Pick<Ask, 'method' | 'path'>): string {
    return `${method} ${path}`;
  }

  async #send(asked: Ask, attempt: number): Promise<Dispatcher.ResponseData> {
    asked.signal?.throwIfAborted();
    const { headers, dispatcher } = await this.#identify(attempt > 0);
    const url = new URL(this.#server.replace(/\/$/, '') + asked.path);
    for (const [name, value] of Object.entries(asked.query ?? {})) url.searchParams.set(name, value);
    try {
      const response = await request(url, {
        method: asked.method,
        dispatcher,
        headers: {
          ...headers,
          accept: 'application/json',
          ...(asked.body === undefined ? {} : { 'content-type': asked.contentType ?? 'application/json' }),
          ...(asked.as === undefined ? {} : { 'impersonate-user': asked.as }),
        },
        body: asked.body === undefined ? null : JSON.stringify(asked.body),
        signal: asked.signal ?? null,
        headersTimeout: asked.patience ?? PATIENCE,
        bodyTimeout: asked.patience ?? PATIENCE,
      });
      this.#options.onAnswer?.({ method: asked.method, code: response.statusCode });
      return response;
    } catch (cause) {
      asked.signal?.throwIfAborted();
      this.#silentAt = performance.now();
      this.#options.onAnswer?.({ method: asked.method, code: 0 });
      throw new StageError('target', `the API server at ${url.origin} does not answer (${reasonOf(cause)})`, { cause });
    }
  }

  async #identify(anew: boolean): Promise<Credentials> {
    const known = this.#credentials;
    if (known !== undefined && !anew && Date.now() - known.readAt < FRESH) return known;
    const options: RequestOptions = {};
    try {
      await this.#config.applyToHTTPSOptions(options);
    } catch (cause) {
      throw new StageError('target', "the cluster's credentials can't be read", { cause });
    }
    const headers = { ...(options.headers as Record<string, string>) };
    if (typeof options.auth === 'string') headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
    const given = Object.entries({ ca, cert, key, pfx, passphrase, rejectUnauthorized, servername }).filter(
      ([, value]) => value !== undefined,
    );
    this.#credentials = { headers, dispatcher: this.#dispatcher(Object.fromEntries(given)), readAt: Date.now() };
    return this.#credentials;
  }

  /** Connections are kept while certificates stay the same. */
  #dispatcher(tls: Readonly<Record<string, unknown>>): Dispatcher {
    const from = JSON.stringify(tls);
    if (this.#made?.from === from) return this.#made.dispatcher;
    const proxy = this.#config.getCurrentCluster()?.proxyUrl;
    const common = { connections: CONNECTIONS, keepAliveTimeout: 60_000, connectTimeout: 10_000 };
    const dispatcher =
      proxy === undefined || proxy === ''
        ? new Agent({ ...common, connect: { ...tls, timeout: 10_000 } })
        : new ProxyAgent({ uri: proxy, requestTls: { ...tls } });
    // Requests at work finish on the old connections.
    void this.#made?.dispatcher.close();
    this.#made = { from, dispatcher };
    return dispatcher;
  }
}

/** Milliseconds to wait before asking again, where the server said that it is too busy, or may not have meant what it said. */
function busyFor({ statusCode, headers }: Dispatcher.ResponseData, attempt: number, isWaking: boolean): number | undefined {
  const isUnsure = (statusCode === 401 && attempt === 0) || (statusCode === 403 && isWaking);
  const busy = statusCode === 429 || statusCode === 503 || statusCode === 504 || isUnsure;
  if (!busy || attempt >= RETRIES) return undefined;
  if (statusCode === 401) return 0;
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  return Math.min(seconds >= 0 ? seconds * 1000 : 200 * 2 ** attempt, LONGEST_WAIT);
}

function reasonOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown };
  return [code, name].find((text) => typeof text === 'string') ?? 'no answer';
}
