/**
 * Patterns of paths, in AppArmor's and KubeArmor's writing: `*` (no `/`), `**` (also `/`), `?`, `[abc]`, `[a-z]`, `[^a]` or `[!a]`, `{a,b}`
 * (nested), and `\` before a character that means itself. A `?` or a class stands for one character, never for `/`.
 */
import type { PathFault } from './path.ts';
import { utf8 } from './utf8.ts';

/** Code points, first and last. */
export type CharacterRange = readonly [first: number, last: number];

export type GlobPart =
  | { readonly type: 'literal'; readonly point: number }
  /** One character of these ranges, which are in order and do not touch; `/` is in none of them. */
  | { readonly type: 'class'; readonly ranges: readonly CharacterRange[] }
  /** Any characters, none included. */
  | { readonly type: 'many'; readonly slashes: boolean }
  | { readonly type: 'choice'; readonly options: readonly Glob[] };
export type Glob = readonly GlobPart[];

const MAX_PATTERN_BYTES = 4095;
const MAX_NESTING = 16;
const LAST_POINT = 0x10ffff;
const SLASH = 0x2f;
/** Surrogates are no characters. */
const NO_CHARACTERS: readonly CharacterRange[] = [[0xd800, 0xdfff]];

/** Every character but `/`. */
const ANY: Glob[number] = { type: 'class', ranges: complement([[SLASH, SLASH]]) };

interface Reading {
  readonly points: readonly number[];
  at: number;
  depth: number;
}

class Fault extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** Reads a pattern, or says what is wrong with it. */
export function parseGlob(text: string): { readonly glob: Glob } | { readonly fault: PathFault } {
  try {
    checkText(text);
    const reading: Reading = { points: [...text].map((character) => character.codePointAt(0) ?? 0), at: 0, depth: 0 };
    const glob = readSequence(reading);
    checkForm(glob);
    return { glob };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { fault: { message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) } };
  }
}

/** A pattern that the parser has let pass. */
export function globOf(pattern: string): Glob {
  const read = parseGlob(pattern);
  if ('fault' in read) throw new Error(`the pattern ${pattern} ${read.fault.message}: the policy did not come from the parser`);
  return read.glob;
}

/** The path that a pattern without wildcards names; undefined where it has one. */
export function literalOf(glob: Glob): string | undefined {
  const points = glob.map((part) => (part.type === 'literal' ? part.point : undefined));
  return points.includes(undefined) ? undefined : String.fromCodePoint(...points.filter((point) => point !== undefined));
}

/** The directory that a pattern hangs from: all whole components before the first one with a wildcard; empty for `/`. */
export function directoryOf(glob: Glob): string {
  const end = glob.findIndex(({ type }) => type !== 'literal');
  const written = literalOf(end === -1 ? glob : glob.slice(0, end)) ?? '';
  return end === -1 ? written : written.slice(0, Math.max(written.lastIndexOf('/'), 0));
}

/** The same pattern hanging from another directory, given without a `/` at its end. */
export function inDirectory(pattern: string, directory: string): string {
  const slashes = [...pattern.matchAll(/\\.|\//gsu)].filter(([token]) => token.endsWith('/'));
  const rest = pattern.slice(slashes[hangsAt(globOf(pattern))]?.index ?? 0);
  const written = directory === '/' ? '' : directory.replace(/[\\*?[\]{},]/g, '\\$&');
  return `${written}${rest}`;
}

/** How many components that directory has. */
export function hangsAt(glob: Glob): number {
  return directoryOf(glob).split('/').length - 1;
}

function checkText(text: string): void {
  if (text === '') throw new Fault('must not be empty');
  if (!text.startsWith('/')) throw new Fault('must be absolute: it does not start with /', "begin with /, or with /**/ for 'anywhere'");
  if (text.includes('\0')) throw new Fault('must not contain a NUL character');
  if (/\p{Surrogate}/u.test(text)) throw new Fault('is not valid Unicode');
  const bytes = text.length > MAX_PATTERN_BYTES ? text.length : utf8(text).length;
  if (bytes > MAX_PATTERN_BYTES) throw new Fault(`has ${bytes} bytes, and a pattern has at most ${MAX_PATTERN_BYTES}`);
}

/** Up to the end, or to the `,` or `}` that ends an alternative. */
function readSequence(reading: Reading): Glob {
  const parts: GlobPart[] = [];
  while (reading.at < reading.points.length) {
    const character = String.fromCodePoint(reading.points[reading.at] ?? 0);
    if (character === '}' && reading.depth === 0) throw new Fault('has a } that closes nothing', 'write \\} for the character itself');
    if (reading.depth > 0 && (character === ',' || character === '}')) break;
    reading.at += 1;
    parts.push(readPart(reading, character));
  }
  return parts;
}

function readPart(reading: Reading, character: string): GlobPart {
  if (character === '*') return readStars(reading);
  if (character === '?') return ANY;
  if (character === '[') return readClass(reading);
  if (character === '{') return readChoice(reading);
  if (character === ']') throw new Fault('has a ] that closes nothing', 'write \\] for the character itself');
  if (character === '\\') return { type: 'literal', point: readEscaped(reading) };
  return { type: 'literal', point: character.codePointAt(0) ?? 0 };
}

function readStars(reading: Reading): GlobPart {
  let stars = 1;
  while (reading.points[reading.at] === 0x2a) {
    reading.at += 1;
    stars += 1;
  }
  return { type: 'many', slashes: stars > 1 };
}

function readEscaped(reading: Reading): number {
  const point = reading.points[reading.at];
  if (point === undefined) throw new Fault('ends in a \\ that escapes nothing', 'write \\\\ for the character itself');
  reading.at += 1;
  return point;
}

function readChoice(reading: Reading): GlobPart {
  if (reading.depth >= MAX_NESTING) throw new Fault(`has braces more than ${MAX_NESTING} deep`);
  const options: Glob[] = [];
  reading.depth += 1;
  for (;;) {
    options.push(readSequence(reading));
    const end = reading.points[reading.at];
    if (end === undefined) throw new Fault('has a { that nothing closes', 'close it, or write \\{ for the character itself');
    reading.at += 1;
    if (end === 0x7d) break;
  }
  reading.depth -= 1;
  if (options.every((option) => option.length === 0)) throw new Fault('has braces with nothing in them', 'write {a,b} for a or b');
  return { type: 'choice', options };
}

/** After the `[`. */
function readClass(reading: Reading): GlobPart {
  const first = reading.points[reading.at];
  const negated = first === 0x5e || first === 0x21;
  if (negated) reading.at += 1;
  const ranges: CharacterRange[] = [];
  while (reading.points[reading.at] !== 0x5d) {
    const low = readMember(reading);
    // a - at the end means itself
    const isRange = reading.points[reading.at] === 0x2d && reading.points[reading.at + 1] !== 0x5d;
    if (isRange) reading.at += 1;
    const high = isRange ? readMember(reading) : low;
    if (high < low) throw new Fault('has a range whose end comes before its start', 'write [a-z], not [z-a]');
    ranges.push([low, high]);
  }
  reading.at += 1;
  if (ranges.length === 0) throw new Fault('has brackets with nothing in them', 'write [abc], or \\[ for the character itself');
  const chosen = complement(negated ? [...ranges, [SLASH, SLASH]] : [...complement(ranges), [SLASH, SLASH]]);
  if (chosen.length === 0) throw new Fault('has brackets that no character matches', 'a class never stands for /');
  return { type: 'class', ranges: chosen };
}

function readMember(reading: Reading): number {
  const point = reading.points[reading.at];
  if (point === undefined) throw new Fault('has a [ that nothing closes', 'close it, or write \\[ for the character itself');
  reading.at += 1;
  if (point === SLASH) throw new Fault('has a / between brackets, where it matches nothing', 'use braces: {/,x}');
  return point === 0x5c ? readEscaped(reading) : point;
}

/** All characters that are in none of the ranges. */
function complement(ranges: readonly CharacterRange[]): readonly CharacterRange[] {
  const gaps: CharacterRange[] = [];
  let next = 0;
  for (const [first, last] of [...ranges, ...NO_CHARACTERS].sort((a, b) => a[0] - b[0])) {
    if (first > next) gaps.push([next, first - 1]);
    next = Math.max(next, last + 1);
  }
  if (next <= LAST_POINT) gaps.push([next, LAST_POINT]);
  return gaps;
}

/** Components that no path has, and a last `/`: what is written so matches nothing. */
function checkForm(glob: Glob): void {
  const text = glob.map((part) => (part.type === 'literal' ? String.fromCodePoint(part.point) : '\0')).join('');
  if (text.includes('//')) throw new Fault('must not contain //', 'a path has one / between components');
  if (/\/\.\.?(\/|$)/.test(text)) throw new Fault('must not contain the component . or ..', 'write the path as the kernel sees it');
  if (text.endsWith('/')) throw new Fault('must not end in /', 'for a directory use matchDirectories, else leave the last / out');
  for (const part of glob) if (part.type === 'choice') part.options.forEach((option) => checkInside(option));
}

function checkInside(glob: Glob): void {
  if (glob.some((part, i) => isSlash(part) && isSlash(glob[i + 1])))
    throw new Fault('must not contain //', 'a path has one / between components');
  for (const part of glob) if (part.type === 'choice') part.options.forEach((option) => checkInside(option));
}

function isSlash(part: GlobPart | undefined): boolean {
  return part?.type === 'literal' && part.point === SLASH;
}
