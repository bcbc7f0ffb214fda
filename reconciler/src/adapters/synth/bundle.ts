/** Starts the bundling process and reads its answer. */
import type { Problem, ProblemCode } from '@parapet/policy';
import { StageError } from '../../stage-error.ts';
import { NOTHING_OF_THE_AUTHOR } from './author-map.ts';
import type { AuthorMap } from './author-map.ts';
import type { BundleAnswer, BundleProblem, BundleRequest } from './bundle-protocol.ts';
import type { Library } from './library.ts';
import { DEFAULT_LIMITS, wallMsOf } from './limits.ts';
import { runOneShot, tooBusy } from './one-shot.ts';
import { ownFile } from './runtime.ts';

const MIB = 1024 * 1024;
/** Of each of both processes; esbuild has less once it is at work. Node reserves much that it never uses. */
const DATA_BYTES = 1024 * MIB;

/** The JSON text of a LibraryBundle, which only the bundling process reads. */
export type Shipped = Uint8Array;

const shipped = new Map<string, Promise<Shipped>>();

/** The packages that ship with Parapet in one file, made the first time. Rejects with a StageError when this installation is incomplete. */
export function loadShipped(library: Library): Promise<Shipped> {
  const key = JSON.stringify(library);
  const made =
    shipped.get(key) ??
    bundleShipped(library).catch((error: unknown) => {
      shipped.delete(key);
      throw error;
    });
  shipped.set(key, made);
  return made;
}

async function bundleShipped(library: Library): Promise<Shipped> {
  const cpuMs = DEFAULT_LIMITS.bundleMs;
  const result = await runOneShot({
    args: ['--no-warnings', ownFile('library-child')],
    input: [Buffer.from(JSON.stringify(library))],
    cpuMs,
    wallMs: wallMsOf(cpuMs),
    outputBytes: DEFAULT_LIMITS.bundleBytes,
    dataBytes: DATA_BYTES,
    openFiles: 1024,
  });
  if (result.ended === 'time') throw tooBusy('the packages of Parapet to be bundled', cpuMs);
  if (result.exitCode === 0) return result.output;
  const cause = new Error(`exit status ${result.exitCode}: ${result.stderr.trim()}`);
  throw new StageError('synth', 'the packages of Parapet cannot be bundled: this installation of Parapet is incomplete', {
    cause,
    retry: false,
  });
}

export interface Bundled {
  readonly problems: readonly Problem[];
  /** What refuses no program. */
  readonly warnings: readonly Problem[];
  readonly code: string;
  readonly map: AuthorMap;
  /** Whether the package store may come to have what it lacked, and the same files may give another result then. */
  readonly isProvisional: boolean;
}

/**
 * Bundles the program. Rejects with a StageError when esbuild can't be run at all, and when the package store lacks what the program needs or holds
 * something else than it should.
 */
export async function bundleProgram(
  request: Omit<BundleRequest, 'bundled'>,
  using: { readonly shipped: Shipped | undefined; readonly signal: AbortSignal | undefined },
): Promise<Bundled> {
  const result = await runOneShot({
    args: ['--no-warnings', '--max-old-space-size=384', ownFile('bundle-child')],
    input: [Buffer.from(`${JSON.stringify(request)}\n`), using.shipped ?? Buffer.alloc(0)],
    cpuMs: request.limits.bundleMs,
    wallMs: wallMsOf(request.limits.bundleMs),
    outputBytes: request.limits.bundleBytes * 8,
    dataBytes: DATA_BYTES,
    openFiles: 1024,
    signal: using.signal,
  });
  if (result.ended === 'time') throw tooBusy('the program to be bundled', request.limits.bundleMs);
  if (result.ended !== 'itself' || result.exitSignal !== null)
    return broken(request, 'the program takes too long or too much memory to bundle');
  let answer: BundleAnswer;
  try {
    answer = JSON.parse(result.output.toString('utf8')) as BundleAnswer;
  } catch (cause) {
    // esbuild ends like this, with all that it was at, when source code is nested deeper than its stack or needs more memory than it has.
    if (/stack overflow|goroutine \d|out of memory|cannot allocate memory|service was stopped|no longer running/i.test(result.stderr)) {
      return broken(request, 'the program is too large or too deeply nested to bundle');
    }
    const details = new Error(`exit status ${result.exitCode}: ${result.stderr.trim()}`, { cause });
    throw new StageError('synth', 'the bundler broke', { cause: details });
  }
  if (answer.failure !== undefined) throw new StageError('synth', answer.failure);
  const { problems, warnings, ...bundle } = answer;
  return {
    ...bundle,
    problems: problems.map((problem) => problemFrom(problem, 'error')),
    warnings: warnings.map((problem) => problemFrom(problem, 'warning')),
  };
}

function broken(request: Pick<BundleRequest, 'entry'>, message: string): Bundled {
  const problem: Problem = { code: 'bundle-failed', severity: 'error', place: { file: request.entry }, message };
  return { problems: [problem], warnings: [], code: '', map: NOTHING_OF_THE_AUTHOR, isProvisional: false };
}

function problemFrom(problem: BundleProblem, severity: Problem['severity']): Problem {
  const { file, line, column } = problem;
  return {
    code: problem.code as ProblemCode,
    severity,
    place: {
      ...(file === undefined ? {} : { file }),
      ...(line === undefined ? {} : { line }),
      ...(column === undefined ? {} : { column }),
    },
    message: problem.message,
    ...(problem.hint === undefined ? {} : { hint: problem.hint }),
  };
}
