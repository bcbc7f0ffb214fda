/** How long the stages of one run take: told to the metrics, and kept for whoever asks. */
import type { Metrics, TimedStage } from './ports.ts';

/** Milliseconds, of the stages that were reached. */
export type Durations = Readonly<Partial<Record<TimedStage, number>>>;

export interface Timing {
  readonly metrics: Metrics;
  /** Milliseconds, for measuring only. */
  now(): number;
}

export class StageTimes {
  readonly #parts: Timing;
  readonly #durations: Partial<Record<TimedStage, number>> = {};

  constructor(parts: Timing) {
    this.#parts = parts;
  }

  get durations(): Durations {
    return { ...this.#durations };
  }

  /** Also counts work that rejects. */
  async time<T>(stage: TimedStage, work: () => T | Promise<T>): Promise<T> {
    const started = this.#parts.now();
    try {
      return await work();
    } finally {
      this.note(stage, this.#parts.now() - started);
    }
  }

  note(stage: TimedStage, milliseconds: number): void {
    this.#durations[stage] = milliseconds;
    this.#parts.metrics.stageEnded(stage, milliseconds);
  }
}
