/** Questions about paths in the root of a process, answered by the bridge in a process of its own (bpf/resolve.c). */
import { StageError } from '../../stage-error.ts';
import { callAside, errorName } from './library.ts';
import type { KernelLibrary } from './library.ts';

/** Milliseconds for one root: one that does not answer by then holds a file system that hangs. */
const PATIENCE = 2_000;
/** A path and where it leads. */
const LARGEST_PAIR = 2 * 4096;
const MOST_BYTES = 64 * 1024 * 1024;
const GONE = ['ENOENT', 'ESRCH', 'ENOTDIR'];

/** Pairs of a path and what was said of it; undefined when the process is gone. Throws a StageError when its root cannot be looked at. */
export async function askRoot(
  ask: KernelLibrary['parapet_resolve'],
  root: string,
  paths: readonly string[],
): Promise<readonly (readonly [path: string, answer: string])[] | undefined> {
  const asked = Buffer.from(paths.map((path) => `${path}\0`).join(''));
  // Memory that is not touched costs nothing.
  const answer = Buffer.allocUnsafeSlow(Math.min(MOST_BYTES, (paths.length + 1) * 2 * LARGEST_PAIR));
  const length = await callAside(ask, root, asked, asked.length, answer, answer.length, PATIENCE);
  if (length >= 0) return pairsIn(answer.subarray(0, length));
  if (GONE.includes(errorName(length))) return undefined;
  throw new StageError(`paths in ${root} cannot be looked up: ${errorName(length)}`, { stage: 'links', retry: true });
}

function pairsIn(bytes: Buffer): readonly (readonly [string, string])[] {
  const texts = bytes.toString('utf8').split('\0');
  return Array.from({ length: (texts.length - 1) >> 1 }, (_, at) => [texts[2 * at] ?? '', texts[2 * at + 1] ?? ''] as const);
}
