/** Which table an event's container and generation mean, also shortly after it was replaced. */
import type { Origin } from './explain.ts';
import type { InForce, KernelEvent } from './ports.ts';

/** Tables remembered for each container: records of an old one may still be on their way. */
const GENERATIONS = 8;
/** Records held back until their table is known to be in force. */
export const MAX_HELD = 20_000;

/** Milliseconds for which a record waits for its table. */
const PATIENCE = 2_000;

export class Origins {
  readonly #byContainer = new Map<number, Map<number, Origin>>();
  #held: { readonly record: KernelEvent; readonly until: number }[] = [];

  /** A table is in force; `origin` may be told again for the same one. */
  set({ container, generation }: InForce, origin: Origin): void {
    const generations = this.#byContainer.get(container) ?? new Map<number, Origin>();
    this.#byContainer.set(container, generations);
    generations.delete(generation);
    generations.set(generation, origin);
    for (const old of generations.keys()) {
      if (generations.size <= GENERATIONS) break;
      generations.delete(old);
    }
  }

  /**
   * The records that can be told now, with their origins. A swap is told after the kernel may have acted on it, so a record of an unknown
   * table waits a moment; then, or when too many wait, it is told without an origin.
   */
  take(records: readonly KernelEvent[], now: number): readonly { readonly record: KernelEvent; readonly origin: Origin | undefined }[] {
    const all = [...this.#held, ...records.map((record) => ({ record, until: now + PATIENCE }))];
    this.#held = [];
    const ready: { record: KernelEvent; origin: Origin | undefined }[] = [];
    for (const waiting of all) {
      const { record, until } = waiting;
      const origin = this.#byContainer.get(record.container)?.get(record.generation);
      if (origin === undefined && until > now && this.#held.length < MAX_HELD) this.#held.push(waiting);
      else ready.push({ record, origin });
    }
    return ready;
  }

  /** Whether records wait. */
  get waiting(): boolean {
    return this.#held.length > 0;
  }
}
