/** The commit statuses of one source: its host, its outbox, and the loop that delivers, for as long as the source says where they go. */
import { plain } from './describe.ts';
import { Pace } from './pace.ts';
import type { Clock, CommentHost, Log, Metrics, StatusHost, Store } from './ports.ts';
import type { StatusHostSpec } from './source-spec.ts';
import { STATUS_SETTINGS, Statuses } from './statuses.ts';
import { TOPICS } from './status-words.ts';

export interface StatusesParts {
  /** A client of the host, for this source's Secret. */
  host(spec: StatusHostSpec): StatusHost & CommentHost;
  /** Where what is not delivered survives. */
  readonly outbox: Store;
  readonly cluster: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Paces of hosts, by the base of their API: one account writes for all sources. */
export type Paces = Map<string, Pace>;

export interface OpenStatuses {
  readonly statuses: Statuses;
  readonly host: StatusHost & CommentHost;
}

/** Milliseconds that the last statuses may take when they go nowhere from now on. */
const LAST_WORDS = 5000;

export class SourceStatuses {
  readonly #parts: StatusesParts;
  readonly #paces: Paces;
  #open:
    | (OpenStatuses & { readonly key: string; readonly name: string; readonly stop: AbortController; readonly delivering: Promise<void> })
    | undefined;

  constructor(parts: StatusesParts, paces: Paces) {
    this.#parts = parts;
    this.#paces = paces;
  }

  /** Those for this spec of this repository: the same ones as long as it says the same. What is pending elsewhere ends. */
  async of(spec: StatusHostSpec | undefined, url: string): Promise<OpenStatuses | undefined> {
    const key = JSON.stringify([spec, url]);
    if (this.#open?.key === key) return this.#open;
    if (this.#open !== undefined) await this.#leave('the PolicySource reports elsewhere now');
    if (spec === undefined) return undefined;
    const { clock, cluster, log, metrics, outbox } = this.#parts;
    const host = this.#parts.host(spec);
    const pace = this.#paces.get(spec.apiUrl) ?? new Pace(host.limits.pace, clock);
    this.#paces.set(spec.apiUrl, pace);
    const name = nameOf(spec.apiUrl);
    const counted = countedHost(host, { name, metrics });
    const settings = {
      ...STATUS_SETTINGS,
      ...(cluster === undefined ? {} : { cluster }),
      ...(spec.targetUrl === undefined ? {} : { targetUrl: spec.targetUrl }),
    };
    const statuses = new Statuses({ host: counted, store: outbox, clock, log, pace, random: Math.random, settings });
    await statuses.load();
    const stop = new AbortController();
    this.#open = { key, name, statuses, host: counted, stop, delivering: statuses.deliver(stop.signal) };
    return this.#open;
  }

  /** What waits for the host, and its name; `undefined` where there is none. */
  get queued(): { readonly host: string; readonly statuses: number } | undefined {
    const open = this.#open;
    return open === undefined ? undefined : { host: open.name, statuses: open.statuses.counts.waiting };
  }

  /** The source is no more: what is pending ends. */
  async end(): Promise<void> {
    await this.#leave('the PolicySource was deleted');
  }

  /** What is not delivered stays in the outbox, for whoever leads next. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    open?.stop.abort();
    await open?.delivering;
  }

  async #leave(description: string): Promise<void> {
    const { log } = this.#parts;
    this.#open?.statuses.end({ topics: TOPICS, description });
    if ((await this.#open?.statuses.drained(LAST_WORDS)) === false)
      log({ level: 'warn', stage: 'status', message: plain(`some statuses could not be posted any more: ${description}`) });
    await this.close();
  }
}

function nameOf(apiUrl: string): string {
  return URL.canParse(apiUrl) ? new URL(apiUrl).host : 'host';
}

function countedHost<Host extends StatusHost & CommentHost>(
  host: Host,
  { name, metrics }: { readonly name: string; readonly metrics: Metrics },
): StatusHost & CommentHost {
  return {
    limits: host.limits,
    find: (about, signal) => host.find(about, signal),
    upsert: (comment, signal) => host.upsert(comment, signal),
    pullRequests: (signal) => host.pullRequests(signal),
    async post(status, signal) {
      const result = await host.post(status, signal);
      metrics.outboxAnswered(name, result.kind === 'posted' ? 'posted' : result.kind === 'retry' ? 'retried' : 'refused');
      return result;
    },
  };
}
