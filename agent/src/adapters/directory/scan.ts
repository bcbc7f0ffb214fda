/** Walks a policies directory: which files are there, read from one snapshot of every symbolic link on the way. */
import type { Dirent, Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Problem } from '@parapet/policy';

export const MAX_FILES = 10_000;
/** Directories within directories; deeper ones are a loop or a mistake. */
const MAX_DEPTH = 32;
const SUFFIXES = ['.yaml', '.yml', '.json'];
/** What else lies in a standalone target, beside the policies. */
const NOT_POLICIES = new Set(['reports', 'inventory.json']);

export interface Found {
  /** Relative to the policies directory, as its user would write it. */
  readonly file: string;
  /** Where it is with every link resolved. */
  readonly path: string;
  /** Changes whenever the content may have changed. */
  readonly signature: string;
  readonly size: number;
}

export interface Scan {
  readonly files: readonly Found[];
  /** Directories walked, links resolved, plus those that hold the links: a change in one of them may be a change of policies. */
  readonly directories: ReadonlySet<string>;
  readonly problems: readonly Problem[];
  /** Whether there were more files than are read. */
  readonly full: boolean;
  /** Equal for two scans that found the same. */
  readonly signature: string;
}

/** Scans `root`. Throws the file system's error when `root` itself is not a directory that can be read. */
export async function scan(root: string): Promise<Scan> {
  const walk = new Walk();
  walk.directories.add(join(await realpath(join(root, '..')), '.'));
  await walk.directory({ path: await realpath(root), name: '', ancestors: [] });
  const files = walk.files.sort((a, b) => (a.file < b.file ? -1 : 1));
  const told = walk.problems.map(({ place, message }) => `${place.file ?? ''} ${message}`);
  const signature = [...files.map((found) => `${found.file}\0${found.path}\0${found.signature}`), ...told].join('\n');
  return { files, directories: walk.directories, problems: walk.problems, full: walk.full, signature };
}

class Walk {
  readonly files: Found[] = [];
  readonly problems: Problem[] = [];
  readonly directories = new Set<string>();
  full = false;

  async directory(at: { readonly path: string; readonly name: string; readonly ancestors: readonly string[] }): Promise<void> {
    if (at.ancestors.includes(at.path) || at.ancestors.length > MAX_DEPTH) {
      this.problems.push(unreadable(at.name, 'this directory contains itself, or is too deep, and is not read'));
      return;
    }
    this.directories.add(at.path);
    const entries = await readdir(at.path, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.') || (at.name === '' && NOT_POLICIES.has(entry.name))) continue;
      await this.#entry(at, entry);
      if (this.full) return;
    }
  }

  /** Asks the file system as little as it can: on a network each question is a round trip. */
  async #entry(parent: Parameters<Walk['directory']>[0], entry: Dirent): Promise<void> {
    const { name } = entry;
    const file = parent.name === '' ? name : `${parent.name}/${name}`;
    const below = { name: file, ancestors: [...parent.ancestors, parent.path] };
    try {
      const path = entry.isSymbolicLink() ? await realpath(join(parent.path, name)) : join(parent.path, name);
      if (entry.isDirectory()) return await this.directory({ path, ...below });
      if (!entry.isSymbolicLink() && !isManifestName(name)) return;
      const stats = await stat(path);
      if (stats.isDirectory()) await this.directory({ path, ...below });
      else if (isManifestName(name)) this.#file({ file, path, stats });
    } catch (error) {
      // Gone since it was listed: the next look finds what is there instead.
      this.problems.push(unreadable(file, `cannot be read: ${codeOf(error)}`));
    }
  }

  #file({ file, path, stats }: { file: string; path: string; stats: Stats }): void {
    if (!stats.isFile()) {
      this.problems.push(unreadable(file, 'is not a regular file and is not read'));
    } else if (this.files.length === MAX_FILES) {
      this.full = true;
      this.problems.push(
        unreadable(
          file,
          `this and the files after it are not read: there are more than ${MAX_FILES}`,
          'split the policies over fewer files',
        ),
      );
    } else {
      this.files.push({
        file,
        path,
        size: stats.size,
        signature: [stats.dev, stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join(' '),
      });
    }
  }
}

/** Whether a file of this name is read. */
export function isManifestName(name: string): boolean {
  return SUFFIXES.some((suffix) => name.endsWith(suffix));
}

/** The `file-unreadable` problem of a file or directory. */
export function unreadable(file: string, message: string, hint?: string): Problem {
  return { code: 'file-unreadable', severity: 'error', place: { file }, message, hint };
}

/** `ENOENT` and the like; the message of anything else. */
export function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
