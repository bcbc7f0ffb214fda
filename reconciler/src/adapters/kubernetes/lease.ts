/**
 * One of several processes leads, by a Lease: as client-go's leader election has it, so that both understand one another. The leader renews the
 * lease; when it could not for a while, it gives up before the others may take over.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { StoredObject } from '../../api-object.ts';
import { StageError } from '../../stage-error.ts';
import { ApiError, noneIfMissing } from './answer.ts';
import type { Connection } from './connection.ts';
import { objectPath, objectsPath } from './kinds.ts';
import { heldBy, leaseSpec, readLease, SeenLease } from './lease-record.ts';
import type { LeaseRecord } from './lease-record.ts';

export interface LeaseOptions {
  readonly connection: Connection;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Whose it is then: another one for each process, also for one that is started again under the same name. */
  readonly identity: string;
  /** Whole seconds for which the others wait for the leader; 15 unless told. */
  readonly seconds?: number;
  /** Milliseconds after which a leader that could not renew gives up: less than `seconds`. 10,000 unless told. */
  readonly deadline?: number;
  /** Milliseconds between attempts; 2,000 unless told. Those who wait take up to half as long again. */
  readonly retry?: number;
  /** Hears whether this process leads, whenever that becomes another thing. */
  readonly onLeading?: (leads: boolean) => void;
  /** Hears why the lease could be neither had nor renewed, when that is not because another one has it. */
  readonly onTrouble?: (why: string) => void;
}

/**
 * Waits for the lease, does `work` while it is held, and waits again when it was lost. The signal that `work` gets is aborted when the lease is
 * lost and when `signal` is; the lease is kept for as long as `work` takes to end then, if it can be, and given back. Resolves when `signal`
 * was aborted, or `work` ended by itself; rejects with what `work` rejects with, but for what the aborted signal made it say.
 */
export async function lead(options: LeaseOptions, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
  const candidate = new Candidate(options);
  while (await candidate.acquire(signal)) {
    const term = new Term(candidate, signal);
    if (await term.serve(work)) return;
  }
}

class Candidate {
  readonly options: Required<Omit<LeaseOptions, 'onLeading' | 'onTrouble'>> & LeaseOptions;
  /** When the last attempt that got or kept the lease was begun: the others count from later on. */
  heldSince = 0;
  readonly #seen = new SeenLease();
  #version: string | undefined;

  constructor(options: LeaseOptions) {
    this.options = { ...options, seconds: options.seconds ?? 15, deadline: options.deadline ?? 10_000, retry: options.retry ?? 2000 };
    const { seconds, deadline, retry } = this.options;
    if (!Number.isInteger(seconds) || seconds * 1000 <= deadline || deadline <= retry * 1.5)
      throw new RangeError('a lease with wrong times');
  }

  /** Resolves to true with the lease, to false when the signal is aborted before. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    for (;;) {
      if (signal.aborted) return false;
      if (await this.attempt(signal)) return true;
      await this.pause(this.options.retry * (1 + Math.random() / 2), signal);
    }
  }

  /** Whether the lease is ours now; never rejects for what the world does. */
  async attempt(signal: AbortSignal): Promise<boolean> {
    const begun = performance.now();
    // An answer that comes late must leave time for another attempt.
    const patience = AbortSignal.any([signal, AbortSignal.timeout(this.options.deadline / 2)]);
    try {
      // Who holds it need not look first: the version tells whether it is still so.
      const held = (this.isOurs && (await this.#take(patience))) || (await this.#look(patience));
      if (held) this.heldSince = begun;
      return held;
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof StageError) && !patience.aborted) throw error;
      if (!signal.aborted) this.options.onTrouble?.(error instanceof Error && !patience.aborted ? error.message : 'no answer came in time');
      return false;
    }
  }

  /** As far as was seen. */
  get isOurs(): boolean {
    return this.#seen.record?.holder === this.options.identity;
  }

  /** Gives it back, so that nobody has to wait; no harm if that fails. */
  async release(): Promise<void> {
    const late = AbortSignal.timeout(this.options.deadline / 2);
    try {
      if (!(await this.#giveBack(late)) && (await this.#read(late)) && this.isOurs) await this.#giveBack(late);
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof StageError) && !late.aborted) throw error;
    }
  }

  async pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    await delay(milliseconds, undefined, { signal }).catch(() => undefined);
  }

  /** Takes the lease if nobody else has it. */
  async #look(signal: AbortSignal): Promise<boolean> {
    const isThere = await this.#read(signal);
    return !this.#seen.isHeldByAnother(this.options.identity, performance.now()) && (isThere ? this.#take(signal) : this.#create(signal));
  }

  async #read(signal: AbortSignal): Promise<boolean> {
    const { connection, seconds } = this.options;
    const found = await connection.ask<StoredObject>({ method: 'GET', path: objectPath(this.#name), signal }).catch(noneIfMissing);
    this.#note(found, found === undefined ? undefined : readLease(found, seconds));
    return found !== undefined;
  }

  #create(signal: AbortSignal): Promise<boolean> {
    return this.#write('POST', this.#held(undefined), signal);
  }

  #take(signal: AbortSignal): Promise<boolean> {
    return this.#write('PUT', this.#held(this.#seen.record), signal);
  }

  #giveBack(signal: AbortSignal): Promise<boolean> {
    const { record } = this.#seen;
    return record === undefined ? Promise.resolve(false) : this.#write('PUT', { ...record, holder: '', seconds: 1 }, signal);
  }

  #held(before: LeaseRecord | undefined): LeaseRecord {
    return heldBy(this.options.identity, before, { seconds: this.options.seconds, now: new Date() });
  }

  /** False where somebody else was faster. */
  async #write(method: 'POST' | 'PUT', record: LeaseRecord, signal: AbortSignal): Promise<boolean> {
    const { apiVersion, kind, name, namespace } = this.#name;
    const version = method === 'PUT' ? { resourceVersion: this.#version } : {};
    const body = { apiVersion, kind, metadata: { name, namespace, ...version }, spec: leaseSpec(record) };
    const path = method === 'PUT' ? objectPath(this.#name) : objectsPath(this.#name);
    try {
      this.#note(await this.options.connection.ask<StoredObject>({ method, path, body, signal }), record);
      return true;
    } catch (error) {
      if (error instanceof ApiError && (error.code === 409 || (error.code === 404 && method === 'PUT'))) return false;
      throw error;
    }
  }

  #note(lease: StoredObject | undefined, record: LeaseRecord | undefined): void {
    this.#version = lease?.metadata.resourceVersion;
    this.#seen.note(record, performance.now());
  }

  get #name(): { readonly apiVersion: string; readonly kind: string; readonly namespace: string; readonly name: string } {
    const { namespace, name } = this.options;
    return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace, name };
  }
}

/** The time from getting the lease to losing it or giving it back. */
class Term {
  readonly #candidate: Candidate;
  readonly #signal: AbortSignal;
  /** Aborted when the lease is lost. */
  readonly #lost = new AbortController();
  /** Aborted when the work has ended. */
  readonly #ended = new AbortController();

  constructor(candidate: Candidate, signal: AbortSignal) {
    this.#candidate = candidate;
    this.#signal = signal;
  }

  /** Whether it was ended and not lost. */
  async serve(work: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    const { onLeading } = this.#candidate.options;
    const stop = AbortSignal.any([this.#signal, this.#lost.signal]);
    onLeading?.(true);
    this.#lost.signal.addEventListener('abort', () => onLeading?.(false), { once: true });
    const renewing = this.#renew();
    try {
      await work(stop);
    } catch (error) {
      if (!stop.aborted || (error !== stop.reason && !(error instanceof StageError))) throw error;
    } finally {
      this.#ended.abort();
      await renewing;
      if (!this.#lost.signal.aborted) {
        await this.#candidate.release();
        onLeading?.(false);
      }
    }
    return !this.#lost.signal.aborted;
  }

  async #renew(): Promise<void> {
    const { deadline, retry } = this.#candidate.options;
    const both = AbortSignal.any([this.#ended.signal, this.#lost.signal]);
    while (!both.aborted) {
      const left = this.#candidate.heldSince + deadline - performance.now();
      // A timer of its own: an attempt that hangs must not hold it up.
      const timer = setTimeout(() => this.#lose('could not be renewed in time'), left);
      await this.#candidate.pause(retry, both);
      if (!both.aborted && !(await this.#candidate.attempt(both)) && !this.#candidate.isOurs) this.#lose('is held by another process');
      clearTimeout(timer);
    }
  }

  #lose(why: string): void {
    this.#lost.abort(new StageError('target', `the lease ${why}`));
  }
}
