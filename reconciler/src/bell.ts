/** Wakes whoever waits for it; rung while nobody does, it wakes whoever waits next. */
import type { Clock } from './ports.ts';

export class Bell {
  #rung = false;
  #wake: () => void = () => undefined;

  ring(): void {
    this.#rung = true;
    this.#wake();
  }

  /** Until it is rung, at most `longest` milliseconds, and no longer than until the signal is aborted. For one at a time. */
  async heard(clock: Clock, longest: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung) {
      const waiting = new AbortController();
      this.#wake = () => waiting.abort();
      await clock.sleep(longest, AbortSignal.any([signal, waiting.signal]));
    }
    this.#rung = false;
  }
}
