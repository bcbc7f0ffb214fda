/** From positions in the bundle to lines of the author's files. */
import type { AuthorMap } from './author-map.ts';
import { CallStarts } from './call-start.ts';
import type { Position } from './call-start.ts';
import { BUNDLE_NAME } from './sandbox-protocol.ts';

export interface AuthorPlace {
  /** Relative to the repository. */
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  readonly column: number;
}

const FRAME = new RegExp(`${BUNDLE_NAME.replaceAll('.', '\\.')}:(\\d+):(\\d+)`, 'g');
const CHAIN = new RegExp(`${FRAME.source}(?: < ${FRAME.source})*`, 'g');
const MAX_FRAMES = 256;
/** Different places that are looked up for one program: ten rules of each of ten thousand policies. */
const MAX_PLACES = 100_000;

/** Knows a bundle's author. */
export class Positions {
  readonly #map: AuthorMap;
  readonly #lines: readonly string[];
  readonly #calls: CallStarts;
  readonly #places = new Map<string, AuthorPlace | undefined>();

  constructor({ code, map }: { readonly code: string; readonly map: AuthorMap }) {
    this.#map = map;
    this.#lines = map.files.length === 0 ? [] : code.split('\n');
    this.#calls = new CallStarts(this.#lines);
  }

  /** The first place in `stack` (any text with `parapet-bundle.js:L:C` in it) that is in the author's own files. */
  author(stack: string): AuthorPlace | undefined {
    let frames = 0;
    for (const found of stack.matchAll(FRAME)) {
      if ((frames += 1) > MAX_FRAMES) break;
      const isTop = frames === 1 && !stack.slice(0, found.index).includes('\n');
      const place = this.#known({ line: Number(found[1]), column: Number(found[2]) }, isTop);
      if (place !== undefined) return place;
    }
    return undefined;
  }

  /** The author's place, looked up once: a loop makes thousands of policies at one line. */
  #known(raw: Position, isTop: boolean): AuthorPlace | undefined {
    const key = `${raw.line}:${raw.column}:${isTop}`;
    if (this.#places.has(key) || this.#places.size >= MAX_PLACES) return this.#places.get(key);
    const own = this.#own(raw);
    const place = own === undefined ? undefined : (this.#own(this.#begin(raw, isTop)) ?? own);
    this.#places.set(key, place);
    return place;
  }

  /** Where the call began that `raw` is in. What is on top of a stack need not be one: there only the making of an error counts. */
  #begin(raw: Position, isTop: boolean): Position {
    const start = this.#calls.of(raw);
    if (!isTop) return start;
    const before = this.#lines[start.line - 1]?.slice(0, start.column - 1).slice(-100) ?? '';
    return /\bnew [\w$.]*Error$/.test(before) ? start : raw;
  }

  /**
   * The text with positions in the bundle replaced: a chain `parapet-bundle.js:9:1 < parapet-bundle.js:90:1`, as `@parapet/sdk` writes
   * it, by the author's first place in it (`main.ts:12`), by nothing known otherwise.
   */
  translate(text: string): string {
    return text.replaceAll(CHAIN, (chain) => {
      const place = this.author(chain);
      return place === undefined ? 'a library' : `${place.file}:${place.line}`;
    });
  }

  #own({ line, column }: Position): AuthorPlace | undefined {
    // Columns count from 1 in stacks and from 0 in source maps.
    const [, file, sourceLine, sourceColumn] = this.#map.lines[line]?.findLast(([from]) => from <= column - 1) ?? [];
    const name = file === undefined ? undefined : this.#map.files[file];
    return name === undefined ? undefined : { file: name, line: (sourceLine ?? 0) + 1, column: (sourceColumn ?? 0) + 1 };
  }
}
