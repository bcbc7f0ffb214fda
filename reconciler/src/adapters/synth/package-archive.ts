/**
 * A package as registries publish it, a `.tgz`, unpacked in memory: nothing is written, so nothing can be written to a wrong place, be left half
 * done, or be changed between its check and its use. No script of it is ever run.
 */
import { posix } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import type { Extract } from 'tar-stream';
import { bytesText } from './limits.ts';

export interface ArchiveLimits {
  /** Bytes of the archive once it is no longer compressed. Default 128 MiB. */
  readonly bytes: number;
  /** Entries, folders included. Default 20,000. */
  readonly entries: number;
}

const ARCHIVE_LIMITS: ArchiveLimits = { bytes: 128 * 1024 * 1024, entries: 20_000 };

/** Why an archive is not used, as the end of a sentence that begins with the package. */
export class BadArchive extends Error {}

/** The files of a package. */
export class PackageArchive {
  readonly #files: ReadonlyMap<string, Buffer>;
  readonly #folders = new Set(['']);

  private constructor(files: ReadonlyMap<string, Buffer>) {
    this.#files = files;
    for (const name of files.keys())
      for (let folder = posix.dirname(name); folder !== '.' && !this.#folders.has(folder); folder = posix.dirname(folder))
        this.#folders.add(folder);
  }

  /**
   * Unpacks the regular files whose names `isWanted`. Links, devices and what else an archive may hold are passed over, as npm does. Throws a
   * BadArchive for what is none, is cut off or too large, or has a path that leads out or is there twice.
   */
  static async unpack(data: Buffer, isWanted: (name: string) => boolean, limits: ArchiveLimits = ARCHIVE_LIMITS): Promise<PackageArchive> {
    const tar = extract();
    const files = new Map<string, Buffer>();
    let entries = 0;
    try {
      tar.end(gunzipSync(data, { maxOutputLength: limits.bytes }));
      for await (const entry of tar) {
        if ((entries += 1) > limits.entries) throw new BadArchive(`has more than ${limits.entries} files`);
        await keep(entry, files, isWanted);
      }
    } catch (error) {
      tar.destroy();
      if (error instanceof BadArchive) throw error;
      const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
      throw new BadArchive(isTooLarge ? `has more than ${bytesText(limits.bytes)}` : 'is damaged, or no archive', { cause: error });
    }
    return new PackageArchive(files);
  }

  /** Bytes of the files that are kept. */
  get size(): number {
    return [...this.#files.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** What is at `path`, relative to the package: `lib/index.js`; the package itself is `''`. */
  kindOf(path: string): 'file' | 'directory' | undefined {
    if (this.#files.has(path)) return 'file';
    return this.#folders.has(path) ? 'directory' : undefined;
  }

  read(path: string): Buffer | undefined {
    return this.#files.get(path);
  }
}

type Entry = Extract extends AsyncIterable<infer Each> ? Each : never;

async function keep(entry: Entry, files: Map<string, Buffer>, isWanted: (name: string) => boolean): Promise<void> {
  const name = nameOf(entry.header.name);
  const isFile = entry.header.type === 'file' && name !== '' && isWanted(name);
  if (!isFile) {
    entry.resume();
    return;
  }
  if (files.has(name)) throw new BadArchive(`holds ${JSON.stringify(name)} twice`);
  // A copy: what the archive was unpacked to as a whole need not be kept for it.
  files.set(name, Buffer.from(await buffer(entry)));
}

/** Without the folder that archives of packages have around all that is in them, whatever it is called. */
function nameOf(path: string): string {
  const parts = path.split('/');
  if (path.startsWith('/') || parts.includes('..') || /\p{Cc}/u.test(path)) {
    throw new BadArchive(`holds the path ${JSON.stringify(path.slice(0, 200))}, which no package may have`);
  }
  return parts
    .filter((part) => part !== '' && part !== '.')
    .slice(1)
    .join('/');
}
