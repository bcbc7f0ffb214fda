/** What the reconciler's story needs from the world. Adapters implement these; `main.ts` wires them. */
import type { Problem } from '@parapet/policy';

/** One object that a policy program made. */
export interface SynthManifest {
  /** A plain JSON value: an object with `apiVersion`, `kind` and so on, if the program did it right. */
  readonly value: unknown;
  /** The file it was written to, relative to the output directory: `chart.k8s.yaml`. */
  readonly file: string;
  /** Where the author created it, `main.ts:12`, when that is known. */
  readonly source?: string;
  /** The line in the file of `source` that wrote the field at `path` (`['spec', 'process', …]`), when that is known. */
  lineOf?(path: readonly (string | number)[]): number | undefined;
}

export interface SynthResult {
  /** In a fixed order: by file, then as written. Empty when there are problems. */
  readonly manifests: readonly SynthManifest[];
  readonly problems: readonly Problem[];
  /** SHA-256 (hex) of the rendered manifests: equal for equal output. */
  readonly digest: string;
  /** Milliseconds. */
  readonly bundleMs: number;
  readonly runMs: number;
}

/** Runs policy programs where they can't do harm. */
export interface Synthesizer {
  /**
   * Runs the program in `directory`. Whatever is wrong with the program is in `problems`; only the world's failures reject.
   * `signal` ends the run at once; the promise then rejects with the signal's reason.
   */
  synth(input: { readonly directory: string; readonly signal?: AbortSignal }): Promise<SynthResult>;
}
