/**
 * Where the author wrote something, from the stack: provenance that survives review, deployment and alerting.
 * Works in Node (one file a frame) and in the sandbox (everything is one bundle, whose source map only the synthesizer has).
 */

/** The file name of a policy program inside the sandbox; the synthesizer maps positions in it through its source map. */
export const BUNDLE = 'parapet-bundle.js';

const MAX_RAW_FRAMES = 16;
const STACK_DEPTH = 64;

export interface Frame {
  /** A path, with `file://` removed. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** The frames of an `Error.stack` of V8 or QuickJS, innermost first; frames without a file are left out. */
export function parseStack(stack: string): Frame[] {
  return stack.split('\n').flatMap((text) => {
    const call = /^\s*at (.*)$/.exec(text)?.[1];
    if (call === undefined) return [];
    const place = /\(([^()]*(?:\([^()]*\)[^()]*)*)\)$/.exec(call)?.[1] ?? call.replace(/^async /, '');
    const [, file, line, column] = /^(.+?):(\d+)(?::(\d+))?$/.exec(place) ?? [];
    if (file === undefined || file.startsWith('<') || file.startsWith('node:') || file === 'native') return [];
    return [{ file: plainPath(file), line: Number(line), column: Number(column ?? 1) }];
  });
}

/**
 * The author's place among `frames`, whose first belongs to this package: `main.ts:12`, relative to `cwd` where it is below it.
 * In the bundle, where files can't be told apart, the raw positions `parapet-bundle.js:12:5 < parapet-bundle.js:90:1`.
 * `undefined` when no frame is the author's.
 */
export function authorPlace(frames: readonly Frame[], cwd: string | undefined): string | undefined {
  const own = frames[0]?.file;
  if (own === undefined) return undefined;
  if (own.split('/').at(-1) === BUNDLE) {
    const raw = frames.filter((frame) => frame.file === own).slice(0, MAX_RAW_FRAMES);
    return raw.map((frame) => `${BUNDLE}:${frame.line}:${frame.column}`).join(' < ');
  }
  const ownFolder = own.slice(0, own.lastIndexOf('/') + 1);
  const author = frames.find(({ file }) => !file.startsWith(ownFolder) && !file.includes('/node_modules/'));
  return author === undefined ? undefined : `${relativeTo(cwd, author.file)}:${author.line}`;
}

/** Where the author called into this package, or `undefined` where the engine gives no stack. Never throws. */
export function callSite(): string | undefined {
  try {
    return authorPlace(parseStack(deepStack()), typeof process === 'undefined' ? undefined : process.cwd());
  } catch {
    return undefined;
  }
}

/** A stack deep enough to reach the author through the constructs in between; engines keep ten frames by default. */
function deepStack(): string {
  const limit = Error.stackTraceLimit;
  try {
    Error.stackTraceLimit = STACK_DEPTH;
    return new Error().stack ?? '';
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function plainPath(file: string): string {
  return file.startsWith('file://') ? decodeURIComponent(file.slice('file://'.length)) : file;
}

function relativeTo(cwd: string | undefined, file: string): string {
  if (cwd === undefined || !file.startsWith('/')) return file;
  const from = cwd.split('/').filter((part) => part !== '');
  const to = file.split('/').filter((part) => part !== '');
  let same = 0;
  while (same < from.length && same < to.length && from[same] === to[same]) same += 1;
  return [...from.slice(same).map(() => '..'), ...to.slice(same)].join('/');
}
