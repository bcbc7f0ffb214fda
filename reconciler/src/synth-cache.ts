/**
 * What programs made, by the content of their files: a commit that changes other folders, a merge of what was a pull request, a second source
 * of the same folder and a run that is tried again need no program to run.
 */
import type { Metrics, SynthResult, Synthesizer } from './ports.ts';

export interface SynthCacheOptions {
  readonly synthesizer: Synthesizer;
  readonly metrics: Pick<Metrics, 'synthCache'>;
  /** Most manifests that are kept, those of all programs together. Default 5,000, which is some megabytes. */
  readonly manifests?: number;
}

/** A program that makes nothing takes some room as well. */
const LEAST = 10;
/** What another run might end differently with: how much a machine needs is not quite the program's own affair. */
const FICKLE: ReadonlySet<string> = new Set(['program-timeout', 'program-memory']);

export class SynthCache implements Synthesizer {
  readonly #options: SynthCacheOptions;
  readonly #most: number;
  /** By content; those that were asked for last are last. */
  readonly #made = new Map<string, SynthResult>();
  #size = 0;

  constructor(options: SynthCacheOptions) {
    this.#options = options;
    this.#most = options.manifests ?? 5_000;
  }

  async synth(input: Parameters<Synthesizer['synth']>[0]): Promise<SynthResult> {
    const { synthesizer, metrics } = this.#options;
    const { content } = input;
    if (content === undefined) return synthesizer.synth(input);
    const known = this.#made.get(content);
    metrics.synthCache(known === undefined ? 'miss' : 'hit');
    if (known !== undefined) {
      input.signal?.throwIfAborted();
      this.#made.delete(content);
      this.#made.set(content, known);
      return { ...known, bundleMs: 0, runMs: 0 };
    }
    const made = await synthesizer.synth(input);
    if (made.isProvisional !== true && !made.problems.some(({ code }) => FICKLE.has(code))) this.#keep(content, made);
    return made;
  }

  #keep(content: string, made: SynthResult): void {
    this.#drop(content);
    if (sizeOf(made) > this.#most) return;
    this.#made.set(content, made);
    this.#size += sizeOf(made);
    for (const oldest of this.#made.keys()) {
      if (this.#size <= this.#most) return;
      this.#drop(oldest);
    }
  }

  #drop(content: string): void {
    const made = this.#made.get(content);
    if (made !== undefined && this.#made.delete(content)) this.#size -= sizeOf(made);
  }
}

function sizeOf({ manifests }: SynthResult): number {
  return manifests.length + LEAST;
}
