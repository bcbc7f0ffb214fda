/** Whether a pattern matches a path, found out slowly and plainly: what the automaton of a table is held to. */
import type { CharacterRange, Glob, GlobPart } from './glob.ts';

const SLASH = 0x2f;

/** Whether the pattern matches the whole path. */
export function matchesGlob(glob: Glob, path: string): boolean {
  const points = [...path].map((character) => character.codePointAt(0) ?? 0);
  return endsOf(glob, { points, starts: new Set([0]) }).has(points.length);
}

interface Places {
  readonly points: readonly number[];
  /** Where a match of what is left may begin. */
  readonly starts: ReadonlySet<number>;
}

/** Where a match that begins at one of `starts` may end. */
function endsOf(glob: Glob, { points, starts }: Places): ReadonlySet<number> {
  let ends = starts;
  for (const part of glob) ends = endsOfPart(part, { points, starts: ends });
  return ends;
}

function endsOfPart(part: GlobPart, { points, starts }: Places): ReadonlySet<number> {
  if (part.type === 'choice') return new Set(part.options.flatMap((option) => [...endsOf(option, { points, starts })]));
  const ends = new Set<number>();
  for (const start of starts) {
    const point = points[start];
    if (part.type === 'many') {
      let end = start;
      ends.add(end);
      while (end < points.length && (part.slashes || points[end] !== SLASH)) ends.add((end += 1));
    } else if (point !== undefined && isIn(part.type === 'literal' ? [[part.point, part.point]] : part.ranges, point)) {
      ends.add(start + 1);
    }
  }
  return ends;
}

function isIn(ranges: readonly CharacterRange[], point: number): boolean {
  return ranges.some(([first, last]) => point >= first && point <= last);
}
