/** How often a host may be asked: one pace for everybody who writes to it, with a fair turn for each, and waits that grow. */
import type { HostLimits } from './host-limits.ts';
import { LONGEST_WAIT_MS } from './outbox-record.ts';
import type { Clock } from './ports.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Part of what a host takes in a window that may go at once; the rest comes evenly, so that no window has more than the host takes. */
const BURST = 0.25;

interface Bucket {
  readonly size: number;
  /** Per millisecond. */
  readonly rate: number;
  tokens: number;
}

/** Whose turn it is. */
type Waiter = () => void;

export class Pace {
  readonly #clock: Clock;
  readonly #buckets: readonly Bucket[];
  /** Who asked first goes first: whoever had a turn stands at the end again. */
  readonly #waiters: Waiter[] = [];
  #filled: number;
  #heldUntil = 0;
  #serving = false;
  #nobody = new AbortController();

  constructor(limits: HostLimits['pace'], clock: Clock) {
    this.#clock = clock;
    this.#filled = clock.now();
    this.#buckets = [bucketOf(limits.minute, MINUTE_MS), bucketOf(limits.hour, HOUR_MS)].filter(({ size }) => size !== Infinity);
  }

  /** Waits for a turn to ask the host once; `false` when the signal was aborted before. */
  turn(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((done) => {
      const go: Waiter = () => {
        signal.removeEventListener('abort', leave);
        done(true);
      };
      const leave = (): void => {
        this.#waiters.splice(this.#waiters.indexOf(go), 1);
        if (this.#waiters.length === 0) this.#nobody.abort();
        done(false);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiters.push(go);
      void this.#serve();
    });
  }

  /** The host wants to be left alone for so many milliseconds. */
  hold(milliseconds: number): void {
    this.#heldUntil = Math.max(this.#heldUntil, this.#clock.now() + Math.min(milliseconds, LONGEST_WAIT_MS));
  }

  async #serve(): Promise<void> {
    if (this.#serving) return;
    this.#serving = true;
    while (this.#waiters.length > 0) {
      const wait = this.#wait();
      if (wait > 0) {
        this.#nobody = new AbortController();
        await this.#clock.sleep(wait, this.#nobody.signal);
        continue;
      }
      for (const bucket of this.#buckets) bucket.tokens -= 1;
      this.#waiters.shift()?.();
    }
    this.#serving = false;
  }

  /** Milliseconds until the next turn. */
  #wait(): number {
    const now = this.#clock.now();
    for (const bucket of this.#buckets) {
      bucket.tokens = Math.min(bucket.size, bucket.tokens + Math.max(0, now - this.#filled) * bucket.rate);
    }
    this.#filled = now;
    // A clock that was set back must not silence us.
    this.#heldUntil = Math.min(this.#heldUntil, now + LONGEST_WAIT_MS);
    const missing = this.#buckets.map(({ tokens, rate }) => Math.ceil(Math.max(0, 1 - tokens) / rate));
    return Math.max(this.#heldUntil - now, 0, ...missing);
  }
}

function bucketOf(limit: number, window: number): Bucket {
  const size = Math.max(1, Math.floor(limit * BURST));
  return { size, rate: Math.max(limit - size, 1) / window, tokens: size };
}

export interface Backoff {
  /** Milliseconds: the shortest wait, and the longest; the range doubles with each failure. */
  readonly first: number;
  readonly longest: number;
  /** From 0 to 1, without it: spreads the waits of many that failed together. */
  readonly random: () => number;
}

/** Milliseconds to wait after so many failures in a row before: anything between the first wait and a bound that doubles. */
export function waitAfter(failures: number, { first, longest, random }: Backoff): number {
  return Math.round(Math.max(first, random() * Math.min(longest, first * 2 ** (Math.min(failures, 30) + 1))));
}
