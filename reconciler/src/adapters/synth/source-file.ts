/** Reads files of a hostile directory: only regular files, only below the root once every link is followed, only so large. */
import { constants } from 'node:fs';
import { lstat, open, realpath } from 'node:fs/promises';
import { isAbsolute, relative, sep } from 'node:path';
import type { Place } from '@parapet/policy';
import { bytesText } from './limits.ts';

/** Why a file is not read, in words for its author. */
export class Refusal extends Error {
  readonly code: 'import-refused' | 'bundle-failed' | 'file-unreadable' | 'lock-file-unusable';
  readonly hint: string | undefined;
  /** Whether it is about the program as a whole, whichever import it was that showed it. */
  readonly whole: boolean;
  /** Where it is wrong, when that is not the import that showed it. */
  readonly place: Place | undefined;

  constructor(
    message: string,
    options: { readonly code: Refusal['code']; readonly hint?: string; readonly whole?: boolean; readonly place?: Place },
  ) {
    super(message);
    this.code = options.code;
    this.hint = options.hint;
    this.whole = options.whole ?? false;
    this.place = options.place;
  }
}

/** Whether `file` is `root` or below it; both are real paths. */
export function isInside(root: string, file: string): boolean {
  const way = relative(root, file);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

export interface Located {
  /** Real path. */
  readonly real: string;
  readonly kind: 'file' | 'directory' | 'other';
}

/** What is at `path`: its real path when it is there, `undefined` when nothing is. Never opens it. */
export async function locate(path: string): Promise<Located | undefined> {
  try {
    const real = await realpath(path);
    const stat = await lstat(real);
    return { real, kind: stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other' };
  } catch {
    return undefined;
  }
}

/**
 * The bytes of the regular file at the real path `file`. Throws a Refusal for anything else (a FIFO or a device would never end) and
 * for more than `maxBytes`.
 */
export async function readSource(file: string, maxBytes: number): Promise<Buffer> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW).catch(() => {
    throw new Refusal('the file cannot be opened', { code: 'file-unreadable' });
  });
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Refusal('it is not a regular file', { code: 'import-refused' });
    if (stat.size > maxBytes) {
      throw new Refusal(`the file has ${bytesText(stat.size)}, more than ${bytesText(maxBytes)}`, { code: 'import-refused' });
    }
    // A file that grows while it is read is cut where the limit is.
    const data = Buffer.alloc(stat.size);
    const { bytesRead } = await handle.read(data, 0, stat.size, 0);
    return data.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
