/** Brings the newest status of each source to its object: one write at a time, and what changes meanwhile is in the next one. */
import { plain } from './describe.ts';
import type { Clock, Log } from './ports.ts';
import type { SourceIdentity } from './source-object.ts';
import { sourceName } from './source-loop-parts.ts';
import type { SourceStatus } from './source-status.ts';
import { StageError } from './stage-error.ts';

/** Milliseconds before a write that failed is tried again; doubled up to the second. */
const BACKOFF = { first: 500, longest: 30_000 };

interface Wiring {
  /** Rejects with a StageError when the API server does not answer; an object that is gone is no failure. */
  write(identity: SourceIdentity, status: SourceStatus, signal: AbortSignal): Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

export class SourceStatusWriter {
  readonly #wiring: Wiring;
  /** What is not written yet, by uid. */
  readonly #waiting = new Map<string, { readonly identity: SourceIdentity; readonly status: SourceStatus }>();
  readonly #writing = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(wiring: Wiring) {
    this.#wiring = wiring;
  }

  say(identity: SourceIdentity, status: SourceStatus): void {
    const { uid } = identity;
    this.#waiting.set(uid, { identity, status });
    if (!this.#writing.has(uid))
      this.#writing.set(
        uid,
        this.#write(uid).finally(() => this.#writing.delete(uid)),
      );
  }

  /** The source is no more. */
  forget(uid: string): void {
    this.#waiting.delete(uid);
  }

  /** Resolves when everything is written, or gives up after `patience` milliseconds; nothing is written from then on. */
  async close(patience: number): Promise<void> {
    const over = this.#wiring.clock.sleep(patience, this.#stopping.signal);
    await Promise.race([Promise.all(this.#writing.values()), over]);
    this.#stopping.abort();
    await Promise.all(this.#writing.values());
  }

  async #write(uid: string): Promise<void> {
    const { clock, log } = this.#wiring;
    for (let failures = 0; !this.#stopping.signal.aborted;) {
      const next = this.#waiting.get(uid);
      if (next === undefined) return;
      try {
        await this.#wiring.write(next.identity, next.status, this.#stopping.signal);
        failures = 0;
        if (this.#waiting.get(uid) === next) this.#waiting.delete(uid);
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        const message = `its status can't be written: ${plain(error instanceof Error ? error.message : String(error))}`;
        if (failures === 0)
          log({ level: error instanceof StageError ? 'warn' : 'error', stage: 'target', source: sourceName(next.identity), message });
        await clock.sleep(Math.min(BACKOFF.first * 2 ** Math.min(failures, 20), BACKOFF.longest), this.#stopping.signal);
        failures += 1;
      }
    }
  }
}
