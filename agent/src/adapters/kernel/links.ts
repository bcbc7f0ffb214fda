/** Where paths lead in the root of a process, looked up by the bridge in a process of its own (bpf/resolve.c). */
import type { LinkResolver } from '../../ports.ts';
import { StageError } from '../../stage-error.ts';
import { errorName, openLibrary } from './library.ts';

/** Milliseconds for one root: one that does not answer by then holds a file system that hangs. */
const PATIENCE = 2_000;
/** A path and where it leads. */
const LARGEST_PAIR = 2 * 4096;
const MOST_BYTES = 64 * 1024 * 1024;
const GONE = ['ENOENT', 'ESRCH', 'ENOTDIR'];

/** Opens the bridge in `bpfDirectory`. */
export function openLinks({ bpfDirectory, proc = '/proc' }: { readonly bpfDirectory: string; readonly proc?: string }): LinkResolver {
  const library = openLibrary(bpfDirectory);
  return {
    async resolve(pid, paths) {
      const asked = Buffer.from(paths.map((path) => `${path}\0`).join(''));
      // Memory that is not touched costs nothing.
      const answer = Buffer.allocUnsafeSlow(Math.min(MOST_BYTES, (paths.length + 1) * 2 * LARGEST_PAIR));
      const root = `${proc}/${pid}/root`;
      const length = await new Promise<number>((resolve, reject) => {
        const done = (error: Error | null, result: number): void => (error === null ? resolve(result) : reject(error));
        library.parapet_resolve.async(root, asked, asked.length, answer, answer.length, PATIENCE, done);
      });
      if (length >= 0) return readPairs(answer.subarray(0, length));
      if (GONE.includes(errorName(length))) return undefined;
      throw new StageError(`symbolic links in ${root} cannot be followed: ${errorName(length)}`, { stage: 'links', retry: true });
    },
  };
}

/** Pairs of a path and where it leads; targets that are not UTF-8 cannot be named in a rule. */
function readPairs(bytes: Buffer): Map<string, readonly string[]> {
  const links = new Map<string, readonly string[]>();
  const texts = bytes.toString('utf8').split('\0');
  for (let at = 0; at + 1 < texts.length; at += 2) {
    const [path = '', target = ''] = [texts[at], texts[at + 1]];
    const known = links.get(path) ?? [];
    if (!target.includes('\ufffd') && !known.includes(target)) links.set(path, [...known, target]);
  }
  return links;
}
