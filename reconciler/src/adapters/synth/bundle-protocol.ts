/** What the bundling process is asked, and what it answers. */
import type { AuthorMap } from './author-map.ts';
import type { LibraryBundle } from './library-shim.ts';
import type { SynthLimits } from './limits.ts';

export interface BundleRequest {
  /** Real path of the repository. */
  readonly directory: string;
  /** The program, relative to it. */
  readonly entry: string;
  /** Packages that ship with Parapet to their folders. */
  readonly library: Readonly<Record<string, string>>;
  /** Those as one file, where they were bundled before: most of the work is done then. */
  readonly bundled?: LibraryBundle | undefined;
  /** Path of the package store, where there is one. */
  readonly packages?: string | undefined;
  readonly limits: SynthLimits;
}

/** What is wrong, where in the author's files. */
export interface BundleProblem {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

export interface BundleAnswer extends Bundle {
  /** What refuses no program. */
  readonly warnings: readonly BundleProblem[];
  /** Whether the package store lacks something that it may come to have, and the same files may give another result then. */
  readonly isProvisional: boolean;
  /** What the operator has to put right in the package store before there can be a bundle. */
  readonly failure?: string | undefined;
}

export interface Bundle {
  readonly problems: readonly BundleProblem[];
  /** The program as one ES module; empty when there are problems. */
  readonly code: string;
  /** Where the author's lines are in it. Nothing is known where its source map would be too large to be read. */
  readonly map: AuthorMap;
}
