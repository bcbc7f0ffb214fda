/**
 * Kubernetes events about sources and policies, as `kubectl describe` shows them. They are told on the side: nobody waits for one, and one that
 * can't be told is counted and dropped.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import PQueue from 'p-queue';
import type { ApiObjectName } from '../../api-object.ts';
import { StageError } from '../../stage-error.ts';
import { RateLimit } from '../http/limits.ts';
import { ApiError, noneIfMissing } from './answer.ts';
import type { Ask, Connection } from './connection.ts';
import { eventName, eventObject, objectKey, plainEvent, sameness, seriesOf } from './event-object.ts';
import type { Occurrences, ReportedEvent } from './event-object.ts';
import { objectPath, objectsPath } from './kinds.ts';

export interface EventsOptions {
  readonly connection: Connection;
  /** Which process tells them: the pod's name. */
  readonly instance: string;
  /** Hears of every event that is not told, and why. */
  readonly onDropped?: (why: string) => void;
  readonly limits?: Partial<EventLimits>;
}

export interface EventLimits {
  /** Writes about one object in a row, after a pause. */
  readonly burst: number;
  /** Writes about one object a second in the long run. */
  readonly perSecond: number;
  /** Events that wait for the API server; it is tried again with what waits for as long. */
  readonly waiting: number;
  /** Milliseconds between attempts, doubled each time, and how many there are for one event. */
  readonly retry: { readonly first: number; readonly attempts: number };
}

/** The rate is that of Kubernetes' own components. */
const LIMITS: EventLimits = { burst: 25, perSecond: 1 / 300, waiting: 1000, retry: { first: 1000, attempts: 6 } };
/** Milliseconds within which an equal event counts as the same once more. */
const SERIES = 600_000;
/** Series and objects that are remembered. */
const REMEMBERED = 4096;
/** Milliseconds until no answer is none, and for what is told last. */
const PATIENCE = 10_000;
const LAST_WORDS = 2000;

interface Series extends Occurrences {
  readonly event: ReportedEvent;
  count: number;
  last: Date;
  /** Where it is stored, once it is. */
  stored: ApiObjectName | undefined;
  /** It waits to be told, with whatever count it has by then. */
  isWaiting: boolean;
}

export class Events {
  readonly #options: EventsOptions;
  readonly #limits: EventLimits;
  readonly #series = new Map<string, Series>();
  readonly #rate: RateLimit;
  readonly #queue = new PQueue({ concurrency: 1 });
  readonly #closed = new AbortController();

  constructor(options: EventsOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#rate = new RateLimit(this.#limits, REMEMBERED);
  }

  /** Returns at once and never throws. */
  record(reported: ReportedEvent): void {
    if (this.#closed.signal.aborted) return;
    const now = new Date();
    const event = plainEvent(reported);
    const key = sameness(event);
    const known = this.#series.get(key);
    const isMore = known !== undefined && now.getTime() - known.last.getTime() < SERIES;
    const series: Series = isMore ? known : { event, count: 0, first: now, last: now, stored: undefined, isWaiting: false };
    series.count += 1;
    series.last = now;
    this.#remember(key, series);
    if (series.isWaiting) return;
    const isTooMuch = this.#rate.take(objectKey(event.regarding), now.getTime()) > 0;
    const why = isTooMuch ? 'there are too many about one object' : this.#queue.size >= this.#limits.waiting ? 'too many wait' : undefined;
    if (why === undefined) this.#tell(key, series);
    else if (series.stored === undefined) this.#drop(key, why);
  }

  /** Tells what waits, if that can be done in two seconds, and nothing from then on. */
  async close(): Promise<void> {
    await Promise.race([this.#queue.onIdle(), delay(LAST_WORDS, undefined, { ref: false })]);
    this.#closed.abort();
    for (let left = this.#queue.size; left > 0; left -= 1) this.#options.onDropped?.('the reconciler ends');
    this.#queue.clear();
    await this.#queue.onIdle();
  }

  #remember(key: string, series: Series): void {
    this.#series.delete(key);
    this.#series.set(key, series);
    const oldest = this.#series.keys().next().value;
    if (this.#series.size > REMEMBERED && oldest !== undefined) this.#series.delete(oldest);
  }

  #drop(key: string, why: string): void {
    this.#series.delete(key);
    this.#options.onDropped?.(why);
  }

  #tell(key: string, series: Series): void {
    series.isWaiting = true;
    void this.#queue.add(async () => {
      const why = await this.#stubbornly(series);
      if (why !== undefined) this.#drop(key, why);
    });
  }

  /** Why it could not be told; `undefined` when it could. */
  async #stubbornly(series: Series): Promise<string | undefined> {
    const { first, attempts } = this.#limits.retry;
    const { signal } = this.#closed;
    const suffix = randomBytes(8).toString('hex');
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#write(series, suffix);
        return undefined;
      } catch (error) {
        if (error instanceof ApiError) return error.message;
        if (!(error instanceof StageError) && !signal.aborted) throw error;
        if (attempt >= attempts || signal.aborted) return 'the API server does not answer';
      }
      await delay(first * 2 ** (attempt - 1), undefined, { signal }).catch(() => undefined);
    }
  }

  async #write(series: Series, suffix: string): Promise<void> {
    // What comes from here on is told next time.
    series.isWaiting = false;
    if (series.stored !== undefined) {
      const path = objectPath(series.stored);
      const body = { series: seriesOf(series) };
      const patched = await this.#ask({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body }).catch(noneIfMissing);
      if (patched !== undefined) return;
    }
    const name = eventName(series.event, suffix);
    const body = eventObject(series.event, name, { ...series, instance: this.#options.instance });
    await this.#ask({ method: 'POST', path: objectsPath(name), body }).catch((error: unknown) => {
      // The name is nobody else's: an attempt whose answer was lost.
      if (!(error instanceof ApiError) || error.reason !== 'AlreadyExists') throw error;
    });
    series.stored = name;
  }

  #ask(asked: Ask): Promise<unknown> {
    return this.#options.connection.ask({ ...asked, patience: PATIENCE, signal: this.#closed.signal });
  }
}
