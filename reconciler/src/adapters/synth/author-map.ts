/** What is kept of a bundle's source map: where the author's own lines are. Those of libraries are nearly all of it, and nobody asks for them. */
import { decode } from '@jridgewell/sourcemap-codec';

/** From a column of the bundle on (counted from 0): the author's file (its index), line and column (both from 0), or nothing of the author's. */
export type Segment = readonly [column: number] | readonly [column: number, file: number, line: number, sourceColumn: number];

export interface AuthorMap {
  /** Relative to the repository. */
  readonly files: readonly string[];
  /** By line of the bundle, counted from 1; columns rise. Lines without anything of the author's are not there. */
  readonly lines: Readonly<Record<number, readonly Segment[]>>;
}

export const NOTHING_OF_THE_AUTHOR: AuthorMap = { files: [], lines: {} };

/** `map` is a source map (version 3) whose sources are `repository:main.ts` and `library:cdk8s/lib/app.js`. */
export function authorMap(map: string): AuthorMap {
  const { sources, mappings } = JSON.parse(map) as { readonly sources: readonly string[]; readonly mappings: string };
  const files: string[] = [];
  const indices = sources.map((source) => {
    const [, name] = /^(?:\/|\.\.\/)*repository:(.*)$/.exec(source) ?? [];
    return name === undefined || /(^|\/)node_modules\//.test(name) ? undefined : files.push(name) - 1;
  });
  const lines: Record<number, readonly Segment[]> = {};
  decode(mappings).forEach((segments, index) => {
    const kept: Segment[] = [];
    for (const [column, source, line, sourceColumn] of segments) {
      const file = source === undefined ? undefined : indices[source];
      if (file !== undefined) kept.push([column, file, line ?? 0, sourceColumn ?? 0]);
      else if (kept.at(-1)?.length === 4) kept.push([column]);
    }
    if (kept.length > 0) lines[index + 1] = kept;
  });
  return { files, lines };
}
