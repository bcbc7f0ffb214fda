/**
 * Reading one manifest: a cursor into its value that collects every problem on the way. Nothing here throws, whatever the value is;
 * only own properties count, so `__proto__` is a key like any other.
 */
import type { Problem, ProblemCode } from './problem.ts';
import { closest } from './suggest.ts';

export type FieldPath = readonly (string | number)[];

/** Where a manifest came from, as far as its reader knows. */
export interface ManifestContext {
  readonly file?: string;
  /** 1-based line of a field, for the place of a problem. */
  readonly lineOf?: (path: FieldPath) => number | undefined;
}

export interface Reading {
  readonly context: ManifestContext;
  /** The object as people name it; empty where it has no name yet. */
  readonly object: string;
  readonly problems: Problem[];
}

/** A value in a manifest. `undefined` is an absent field. */
export interface Cursor {
  readonly reading: Reading;
  readonly path: FieldPath;
  readonly value: unknown;
}

export interface Finding {
  readonly code: ProblemCode;
  readonly message: string;
  readonly hint?: string;
}

interface Added {
  readonly code: ProblemCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly severity: Problem['severity'];
}

/** Notes an error at the cursor. */
export function refuse(cursor: Cursor, finding: Finding): void {
  note(cursor, { ...finding, severity: 'error' });
}

/** Notes a warning at the cursor. */
export function warn(cursor: Cursor, finding: Finding): void {
  note(cursor, { ...finding, severity: 'warning' });
}

/** Errors, and warnings, of one manifest that are listed: a hostile one has as many as it has bytes. */
const MOST_PROBLEMS = 100;

function note({ reading, path }: Cursor, finding: Finding & { severity: 'error' | 'warning' }): void {
  const listed = countOf(reading, finding.severity);
  if (listed > MOST_PROBLEMS) return;
  if (listed === MOST_PROBLEMS)
    return add({ reading, path: [] }, { ...finding, message: 'there are more problems than are listed here', hint: undefined });
  add({ reading, path }, finding);
}

function countOf({ problems }: Reading, severity: Problem['severity']): number {
  return problems.reduce((sum, problem) => (problem.severity === severity ? sum + 1 : sum), 0);
}

function add({ reading, path }: Pick<Cursor, 'reading' | 'path'>, finding: Added): void {
  const { file } = reading.context;
  const line = lineNear(reading.context, path);
  reading.problems.push({
    code: finding.code,
    severity: finding.severity,
    place: {
      ...(file === undefined ? {} : { file }),
      ...(line === undefined ? {} : { line }),
      ...(reading.object === '' ? {} : { object: reading.object }),
      ...(path.length === 0 ? {} : { field: fieldText(path) }),
    },
    message: finding.message,
    ...(finding.hint === undefined ? {} : { hint: finding.hint }),
  });
}

/** The line of a field, or of the nearest thing around it where the field itself is not written. */
export function lineNear(context: ManifestContext, path: FieldPath): number | undefined {
  for (let length = path.length; length >= 0; length -= 1) {
    const line = context.lineOf?.(path.slice(0, length));
    if (line !== undefined) return line;
  }
  return undefined;
}

/** A field as people write it: `spec.process.matchPaths[0].path`. */
export function fieldText(path: FieldPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    if (!/^[A-Za-z_$][\w$-]*$/.test(part)) return `${text}[${JSON.stringify(clip(part))}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

/** A value in a message: short, on one line, and never the contents of an object. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(clip(value));
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** The field of an object, or the element of a list; absent where there is none. */
export function at(cursor: Cursor, key: string | number): Cursor {
  const { value } = cursor;
  const own = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
  return { ...cursor, path: [...cursor.path, key], value: own ? (value as Record<string | number, unknown>)[key] : undefined };
}

export function isAbsent(cursor: Cursor): boolean {
  return cursor.value === undefined;
}

/** The cursor when its value is an object (a mapping); otherwise notes it, unless the field is absent. */
export function readObject(cursor: Cursor): Cursor | undefined {
  const { value } = cursor;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return cursor;
  if (!isAbsent(cursor)) refuseType(cursor, 'an object');
  return undefined;
}

/** The elements of a list; none where the field is absent or (noted) not a list. */
export function readList(cursor: Cursor): readonly Cursor[] {
  if (Array.isArray(cursor.value)) return cursor.value.map((_, index) => at(cursor, index));
  if (!isAbsent(cursor)) refuseType(cursor, 'a list');
  return [];
}

/** A text, or undefined where the field is absent or (noted) something else. */
export function readString(cursor: Cursor): string | undefined {
  if (typeof cursor.value === 'string') return cursor.value;
  if (!isAbsent(cursor)) refuseType(cursor, 'a text', quoteHint(cursor.value));
  return undefined;
}

/** A text that must be there. */
export function readNeededString(cursor: Cursor, needed: { readonly hint?: string } = {}): string | undefined {
  if (isAbsent(cursor)) refuseMissing(cursor, needed);
  return readString(cursor);
}

/** One of a few words; undefined where it is none of them, which is noted. */
export function readChoice<Word extends string>(cursor: Cursor, words: readonly Word[]): Word | undefined {
  const text = readNeededString(cursor, { hint: `one of ${words.join(', ')}` });
  if (text === undefined) return undefined;
  const word = words.find((candidate) => candidate === text);
  if (word !== undefined) return word;
  const meant = closest(text, words);
  const hint = meant === undefined ? {} : { hint: `did you mean ${meant}?` };
  refuse(cursor, { code: 'invalid-value', message: `must be ${words.join(' or ')}, not ${show(text)}`, ...hint });
  return undefined;
}

/** `true` or `false`; false where the field is absent. */
export function readFlag(cursor: Cursor): boolean {
  if (typeof cursor.value === 'boolean') return cursor.value;
  if (!isAbsent(cursor)) refuseType(cursor, 'true or false');
  return false;
}

/** The texts of a list. */
export function readStrings(cursor: Cursor): readonly string[] {
  return readList(cursor)
    .map((element) => readNeededString(element))
    .filter((text) => text !== undefined);
}

/** Notes that a field must be there. */
export function refuseMissing(cursor: Cursor, { hint }: { readonly hint?: string } = {}): void {
  refuse(cursor, { code: 'missing-field', message: 'is required', ...(hint === undefined ? {} : { hint }) });
}

function refuseType(cursor: Cursor, wanted: string, hint?: string): void {
  refuse(cursor, { code: 'wrong-type', message: `must be ${wanted}, not ${show(cursor.value)}`, ...(hint === undefined ? {} : { hint }) });
}

function quoteHint(value: unknown): string | undefined {
  return typeof value === 'number' || typeof value === 'boolean' ? `write it in quotes: "${value}"` : undefined;
}

/** What fields an object may have. */
export interface Fields {
  readonly known: readonly string[];
  /** Fields of the API that are not enforced yet: refused by name, since to ignore one would weaken the policy. */
  readonly notYet?: readonly string[];
  /** What to write instead of a field: for a known mistake, or for one that is not enforced yet. */
  readonly hints?: Readonly<Record<string, string>>;
}

/** Notes every field that the object should not have. */
export function checkFields(cursor: Cursor, { known, notYet = [], hints = {} }: Fields): void {
  for (const key of Object.keys(cursor.value as object)) {
    if (known.includes(key)) continue;
    // What would not be listed needs no advice, which takes long to find.
    if (countOf(cursor.reading, 'error') > MOST_PROBLEMS) return;
    const field = at(cursor, key);
    const hint = Object.hasOwn(hints, key) ? hints[key] : undefined;
    if (notYet.includes(key)) {
      if (!isEmptyList(field.value)) refuseNotYet(field, hint);
    } else {
      const meant = closest(key, [...known, ...notYet]);
      const advice = hint ?? (meant === undefined ? `known here: ${known.join(', ')}` : `did you mean ${meant}?`);
      refuse(field, { code: 'unknown-field', message: 'is not a field of this API', hint: advice });
    }
  }
}

/** Notes that a field says something that is not enforced yet. */
export function refuseNotYet(cursor: Cursor, hint = 'remove it; without it the policy would be weaker than it reads'): void {
  const name = cursor.path.findLast((part) => typeof part === 'string') ?? 'this';
  refuse(cursor, { code: 'not-enforced-yet', message: `${name} is part of the API but is not enforced yet`, hint });
}

/** An empty list asks for nothing, so there is nothing to refuse. */
function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
