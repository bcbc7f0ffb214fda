/** When something is due for a source: its interval, its retries, and how often somebody's changes are put right. */
import type { Clock } from './ports.ts';

/** Milliseconds between a change in the cluster and our look at it: changes come in crowds. */
const DRIFT = 250;
/** The longest such wait, where somebody changes back what we put right, again and again. */
const LONGEST_DRIFT = 300_000;
/** Milliseconds without a correction after which nobody fights with us any more. */
const PEACE = 120_000;
/** Nothing is due for so long, in milliseconds: longer than anybody waits, and no more than timers take. */
const LONGEST = 86_400_000;
/** Share of an interval by which sources are kept from asking all at once. */
const JITTER = 0.05;

export class Schedule {
  readonly #clock: Clock;
  readonly #random: () => number;
  #due = 0;
  /** When the repository is to be asked again. */
  #ask = 0;
  #drift = DRIFT;
  #corrected = -Infinity;

  constructor({ clock, random }: { readonly clock: Clock; readonly random: () => number }) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Milliseconds until something is due; 0 or less: now. */
  get wait(): number {
    return this.#due - this.#clock.now();
  }

  get isTimeToAsk(): boolean {
    return this.#clock.now() >= this.#ask;
  }

  /** Nothing is due before somebody says so. */
  never(): void {
    this.#due = this.#clock.now() + LONGEST;
  }

  /** Something is due in so many milliseconds, or earlier. */
  within(milliseconds: number): void {
    this.#due = Math.min(this.#due, this.#clock.now() + milliseconds);
  }

  /** Somebody has changed something that is ours. */
  drifted(): void {
    if (this.#clock.now() - this.#corrected > Math.max(PEACE, 2 * this.#drift)) this.#drift = DRIFT;
    this.within(this.#drift);
  }

  /** The repository has answered; it is asked again after its interval. */
  asked(interval: number): void {
    this.#ask = this.#clock.now() + interval * (1 - JITTER * this.#random());
  }

  /** A run has ended. `retry`: milliseconds after which it is tried again by itself; `corrected`: something had been changed and was put right. */
  concluded({ interval, retry, corrected }: { readonly interval: number; readonly retry?: number; readonly corrected: boolean }): void {
    const now = this.#clock.now();
    if (corrected) {
      this.#corrected = now;
      this.#drift = Math.min(this.#drift * 2, LONGEST_DRIFT);
    }
    // Where it did not even come to asking, the next time is as far away as if it had.
    if (retry !== undefined || this.isTimeToAsk) this.#ask = now + Math.min(retry ?? interval, interval);
    // Whatever somebody wanted to have looked at meanwhile, the run has looked at.
    this.#due = Math.max(now, this.#ask);
  }
}
