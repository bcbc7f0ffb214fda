/** Statuses of policies that wait to be written. One that fails is tried again, ever later; it holds up no other. */
import { refKey } from '@parapet/policy';
import type { PolicyRef } from '@parapet/policy';
import type { FailedChange } from './readiness-ports.ts';

/** Wait before something is tried again; it doubles with every failure, up to `longest`. Milliseconds. */
export interface Backoff {
  readonly first: number;
  readonly longest: number;
}

interface Failing {
  readonly ref: PolicyRef;
  readonly failures: number;
  /** When it is due again; `Infinity` once that was told. */
  until: number;
}

export class StatusQueue {
  readonly #backoff: Backoff;
  readonly #waiting = new Map<string, PolicyRef>();
  readonly #failing = new Map<string, Failing>();

  constructor(backoff: Backoff) {
    this.#backoff = backoff;
  }

  add(ref: PolicyRef): void {
    this.#waiting.set(refKey(ref), ref);
  }

  /** There is no such policy any more. */
  remove(ref: PolicyRef): void {
    this.#waiting.delete(refKey(ref));
    this.#failing.delete(refKey(ref));
  }

  /** All that wait; from now on they don't. */
  take(): readonly PolicyRef[] {
    const taken = [...this.#waiting.values()];
    this.#waiting.clear();
    return taken;
  }

  /** What came of those that were taken. */
  settle(taken: readonly PolicyRef[], failed: readonly FailedChange[], now: number): void {
    const keys = new Set(failed.map(({ ref }) => refKey(ref)));
    for (const ref of taken) if (!keys.has(refKey(ref))) this.#failing.delete(refKey(ref));
    for (const { ref } of failed) {
      const failures = (this.#failing.get(refKey(ref))?.failures ?? 0) + 1;
      const wait = Math.min(this.#backoff.first * 2 ** (failures - 1), this.#backoff.longest);
      this.#failing.set(refKey(ref), { ref, failures, until: now + wait });
    }
  }

  /** Those that failed and are due to be tried again, each once. */
  due(now: number): readonly PolicyRef[] {
    const due = [...this.#failing.values()].filter(({ until }) => until <= now);
    for (const failing of due) failing.until = Infinity;
    return due.map(({ ref }) => ref);
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** How many fail. */
  get failing(): number {
    return this.#failing.size;
  }
}
