/** Writes a commit's files from Git's objects: no checkout, so no filters, attributes, hooks or submodules have a say. */
import { promises as fs } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Problem } from '@parapet/policy';
import { bounded, entryProblem, isLargeFilePointer, largeFile, linkFault } from '../../git-tree.ts';
import type { TreeFile, TreeListing } from '../../git-tree.ts';
import { errorCode } from '../standalone/atomic.ts';
import { GitFailure } from './command.ts';

/**
 * Writes files first and links last, so that nothing is ever written through a link. Problems are entries that may not or can't be
 * written; the directory is made new.
 */
export async function writeTree(input: {
  readonly directory: string;
  readonly listing: TreeListing;
  /** `git cat-file --batch` of all files, then all links. */
  readonly objects: Buffer;
  readonly signal: AbortSignal;
}): Promise<readonly Problem[]> {
  const { directory, listing, signal } = input;
  await fs.mkdir(directory, { recursive: true, mode: 0o700 });
  const reader = new BatchReader(input.objects);
  const problems: Problem[] = [];
  const folders = new Folders(directory);
  for (const files of inGroups(listing.files)) {
    signal.throwIfAborted();
    // Read one after another, written at the same time.
    const contents = files.map((file) => ({ file, content: reader.take(file) }));
    await Promise.all(
      contents.map(async ({ file, content }) => {
        if (isLargeFilePointer(content)) problems.push(largeFile(file.path));
        await trying(problems, file, async () => {
          await folders.make(dirname(file.path));
          await fs.writeFile(join(directory, file.path), content, { flag: 'wx', mode: 0o644 });
        });
      }),
    );
  }
  for (const link of listing.links) {
    const target = reader.take(link).toString('utf8');
    const fault = linkFault(link.path, target);
    if (fault !== undefined) problems.push(entryProblem(link.path, fault));
    else {
      await trying(problems, link, async () => {
        await folders.make(dirname(link.path));
        await fs.symlink(target, join(directory, link.path));
      });
    }
  }
  return bounded(problems);
}

/** As many as there are threads that write, and some that wait for them. */
const AT_ONCE = 16;

function* inGroups<T>(items: readonly T[]): Iterable<readonly T[]> {
  for (let start = 0; start < items.length; start += AT_ONCE) yield items.slice(start, start + AT_ONCE);
}

/** Makes every folder once. */
class Folders {
  readonly #top: string;
  readonly #made = new Map<string, Promise<unknown>>();

  constructor(top: string) {
    this.#top = top;
  }

  async make(path: string): Promise<void> {
    let made = this.#made.get(path);
    if (made === undefined) this.#made.set(path, (made = fs.mkdir(join(this.#top, path), { recursive: true })));
    await made;
  }
}

/** Two entries that exclude each other (a file and a folder of one name) are the repository's fault; a full disk is the world's. */
async function trying(problems: Problem[], entry: TreeFile, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!['EEXIST', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'ELOOP'].includes(errorCode(error))) throw error;
    problems.push(entryProblem(entry.path, 'another entry has the same name'));
  }
}

/** Cuts `<object> blob <size>\n<content>\n` after one another. */
class BatchReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take({ object, size, path }: TreeFile): Buffer {
    const end = this.#bytes.indexOf(0x0a, this.#offset);
    const header = this.#bytes.toString('latin1', this.#offset, end === -1 ? this.#offset : end);
    if (header !== `${object} blob ${size}`) throw new GitFailure(`the contents of ${JSON.stringify(path)} are missing`);
    const start = end + 1;
    this.#offset = start + size + 1;
    if (this.#offset > this.#bytes.length) throw new GitFailure(`the contents of ${JSON.stringify(path)} are cut short`);
    return this.#bytes.subarray(start, start + size);
  }
}
