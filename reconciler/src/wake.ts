/** Waiting for a time or for somebody's word, whichever comes first. */
import type { Clock } from './ports.ts';

/** Timers take no more; nobody waits so long. */
const LONGEST = 2 ** 31 - 1;

export class Wake {
  readonly #clock: Clock;
  #called = false;
  #end: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the wait at hand, or else the next one. */
  call(): void {
    this.#called = true;
    this.#end();
  }

  /** Resolves after `milliseconds`, when called, or when the signal is aborted. */
  async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    const waiting = new AbortController();
    this.#end = () => waiting.abort();
    if (!this.#called) await this.#clock.sleep(Math.min(milliseconds, LONGEST), AbortSignal.any([signal, waiting.signal]));
    this.#called = false;
    this.#end = () => undefined;
  }
}
