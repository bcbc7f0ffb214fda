/** What a rule is about, as written: a path, a directory, a pattern, an executable's name. */
import { buildAutomaton } from './automaton.ts';
import { literalOf, parseGlob } from './glob.ts';
import type { Glob } from './glob.ts';
import type { FileMatch, ProcessMatch, SourceMatch } from './model.ts';
import { faultOfDirectory, faultOfFile, faultOfName, looksLikePattern } from './path.ts';
import {
  at,
  checkFields,
  isAbsent,
  readFlag,
  readList,
  readNeededString,
  readObject,
  readString,
  refuse,
  refuseMissing,
  show,
  warn,
} from './reading.ts';
import type { Cursor } from './reading.ts';
import { sourceKey } from './sources.ts';

/** What the automaton of one pattern may need, alone; many together must still fit into one table. */
const PATTERN_STATES = 4096;
const PATTERN_CELLS = 262_144;
const PATTERN_WORK = 300_000;

/** Steps left for trying out the patterns of one policy: hostile ones cost no more than this together. */
export interface PatternBudget {
  work: number;
}

/** A budget that thousands of ordinary patterns do not use up: about a fifth of a second. */
export function newPatternBudget(): PatternBudget {
  return { work: 2_000_000 };
}

/** A process rule's `path`, or else its `execname`. */
export function readProcessMatch(rule: Cursor): ProcessMatch | undefined {
  const name = at(rule, 'execname');
  if (isAbsent(name)) return readPathMatch(rule, { hint: 'or give an execname' });
  const text = readString(name);
  if (!isAbsent(at(rule, 'path'))) {
    refuse(name, { code: 'invalid-value', message: 'path and execname exclude each other', hint: 'write two rules' });
    return undefined;
  }
  const fault = text === undefined ? undefined : faultOfName(text);
  if (fault !== undefined) refuse(name, { code: 'invalid-path', ...fault });
  return text === undefined || fault !== undefined ? undefined : { type: 'name', name: text };
}

/** A rule's `path`. */
export function readPathMatch(rule: Cursor, needed: { readonly hint?: string } = {}): FileMatch | undefined {
  const cursor = at(rule, 'path');
  if (isAbsent(cursor)) {
    refuseMissing(cursor, needed);
    return undefined;
  }
  const path = readPath(cursor, faultOfFile);
  return path === undefined ? undefined : { type: 'path', path };
}

/** A rule's `dir`, with `recursive`; `instead` as in `readPath`. */
export function readDirectoryMatch(rule: Cursor, instead?: string): Extract<FileMatch, { type: 'directory' }> | undefined {
  const dir = readPath(at(rule, 'dir'), faultOfDirectory, instead);
  const recursive = readFlag(at(rule, 'recursive'));
  return dir === undefined ? undefined : { type: 'directory', dir, recursive };
}

/** A rule's `pattern`; one without wildcards is a path. */
export function readPatternMatch(rule: Cursor, budget: PatternBudget): FileMatch | undefined {
  const cursor = at(rule, 'pattern');
  const pattern = readNeededString(cursor);
  if (pattern === undefined) return undefined;
  const read = parseGlob(pattern);
  if ('fault' in read) {
    refuse(cursor, { code: 'invalid-pattern', ...read.fault, message: `${show(pattern)} ${read.fault.message}` });
    return undefined;
  }
  const path = literalOf(read.glob);
  if (path !== undefined) {
    const fault = faultOfFile(path);
    if (fault !== undefined) refuse(cursor, { code: 'invalid-pattern', ...fault });
    return fault === undefined ? { type: 'path', path } : undefined;
  }
  if (fits(read.glob, budget)) return { type: 'pattern', pattern };
  refuse(cursor, {
    code: 'pattern-too-complex',
    message: `${show(pattern)} needs more states than the kernel holds`,
    hint: 'use fewer **, *, ? and braces after the first **, or name directories instead',
  });
  return undefined;
}

/** With nothing but literals after its first `*` or `**`, and no braces, a pattern needs about as many states as it has bytes. */
function isSimple(glob: Glob): boolean {
  const first = glob.findIndex(({ type }) => type === 'many');
  return glob.every(({ type }, i) => type === 'literal' || i === first || (type === 'class' && (first === -1 || i < first)));
}

function fits(glob: Glob, budget: PatternBudget): boolean {
  if (isSimple(glob)) return true;
  if (budget.work <= 0) return false;
  const limits = { states: PATTERN_STATES, cells: PATTERN_CELLS, work: Math.min(PATTERN_WORK, budget.work) };
  const before = limits.work;
  const built = buildAutomaton([glob], limits);
  budget.work -= before - Math.max(limits.work, 0);
  return built !== undefined;
}

/** Where a path cannot be a pattern, in place of the advice to write one. */
export const NO_PATTERNS = 'no patterns here: name each path, or a directory with recursive: true';

/** A path that must be there, checked. `instead` is what to write for a pattern. */
export function readPath(cursor: Cursor, faultOf: typeof faultOfFile, instead = 'write it under matchPatterns'): string | undefined {
  const path = readNeededString(cursor);
  if (path === undefined) return undefined;
  const fault = faultOf(path);
  if (fault !== undefined) {
    refuse(cursor, { code: 'invalid-path', ...fault });
    return undefined;
  }
  if (looksLikePattern(path)) {
    warn(cursor, {
      code: 'pattern-in-path',
      message: `${show(path)} looks like a pattern, but only a file with exactly this name matches`,
      hint: instead,
    });
  }
  return path;
}

/** The programs of `fromSource`, each once. */
export function readSources(list: Cursor): readonly SourceMatch[] {
  const sources = readList(list).map((element) => readSource(element));
  return [...new Map(sources.filter((source) => source !== undefined).map((source) => [sourceKey(source), source])).values()];
}

function readSource(element: Cursor): SourceMatch | undefined {
  const source = readObject(element);
  if (source === undefined) {
    if (isAbsent(element)) refuseMissing(element);
    return undefined;
  }
  const directory = at(source, 'dir');
  if (isAbsent(directory)) {
    checkFields(source, { known: ['path', 'dir'], hints: { recursive: 'only a dir can be recursive' } });
    return readPath(at(source, 'path'), faultOfFile, NO_PATTERNS);
  }
  checkFields(source, { known: ['dir', 'recursive'], hints: { path: 'path and dir exclude each other: write two sources' } });
  const match = readDirectoryMatch(source, NO_PATTERNS);
  return match === undefined ? undefined : { dir: match.dir, recursive: match.recursive };
}
