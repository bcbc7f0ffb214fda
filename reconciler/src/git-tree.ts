/** What a commit's tree may put on disk. Git's own checks can be passed by a hand-made tree, so every name is judged here. */
import { createHash } from 'node:crypto';
import type { Problem } from '@parapet/policy';
import { clip, count, plain } from './describe.ts';

export interface TreeFile {
  /** Relative, with `/`. */
  readonly path: string;
  readonly object: string;
  readonly size: number;
}

export interface TreeLimits {
  /** Folders count too. */
  readonly files: number;
  /** Of all files together, in bytes. */
  readonly bytes: number;
}

/** Entries that are named in problems: a hostile tree has as many as it likes. */
const MOST_PROBLEMS = 100;
/** Characters of a path that are shown. */
const LONGEST_NAME = 300;

export const TREE_LIMITS: TreeLimits = { files: 20_000, bytes: 128 * 1024 * 1024 };

export interface TreeListing {
  readonly files: readonly TreeFile[];
  readonly links: readonly TreeFile[];
  readonly problems: readonly Problem[];
}

/** SHA-256 (hex) over names and contents: Git's own names of objects stand for these. */
export function contentOf({ files, links }: TreeListing): string {
  const hash = createHash('sha256');
  for (const [kind, entries] of Object.entries({ files, links })) {
    hash.update(`${kind}\0`);
    for (const { path, object } of entries) hash.update(`${path}\0${object}\0`);
  }
  return hash.digest('hex');
}

/**
 * Reads `git ls-tree -r -z --long` output: what to write, and what must not be written (errors) or is left out (warnings). Of what is
 * `ignored`, which is a path's affair only, nothing is said and nothing counted.
 */
export function readTree(listing: string, limits: TreeLimits = TREE_LIMITS, ignored: (path: string) => boolean = () => false): TreeListing {
  const files: TreeFile[] = [];
  const links: TreeFile[] = [];
  const problems: Problem[] = [];
  const taken = new Set<string>();
  for (const line of listing.split('\0')) {
    if (line === '') continue;
    const [, mode, object, size, path] = /^(\d{6}) [a-z]+ ([0-9a-f]{40,64}) +(\d+|-)\t([^]+)$/.exec(line) ?? [];
    if (mode === undefined || object === undefined || path === undefined) {
      problems.push(entryProblem(line, 'it is not an entry that Git would write'));
      continue;
    }
    if (ignored(path)) continue;
    const fault = nameFault(path) ?? (taken.has(path) ? 'it is there twice' : undefined);
    taken.add(path);
    const entry = { path, object, size: Number(size) };
    if (fault !== undefined) problems.push(entryProblem(path, fault));
    else if (mode === '160000') problems.push(submodule(path));
    else if (mode === '120000') links.push(entry);
    else files.push(entry);
  }
  const entries = [...files, ...links];
  const paths = entries.map(({ path }) => path).sort();
  return { files, links, problems: [...tooLarge(entries, { paths, limits }), ...bounded([...problems, ...belowLinks(paths, links)])] };
}

/** The first of them, errors before warnings, and how many more there are. */
export function bounded(problems: readonly Problem[]): readonly Problem[] {
  if (problems.length <= MOST_PROBLEMS) return problems;
  const isError = ({ severity }: Problem): boolean => severity === 'error';
  const listed = [...problems.filter(isError), ...problems.filter((problem) => !isError(problem))].slice(0, MOST_PROBLEMS);
  const message = `there are ${problems.length - MOST_PROBLEMS} more problems with files of the repository`;
  return [...listed, { code: 'repository-entry', severity: listed.some(isError) ? 'error' : 'warning', place: {}, message }];
}

/** The file of this name at the top of a listing. */
export function topFile(listing: string, name: string): TreeFile | undefined {
  const end = listing.indexOf(`\t${name}\0`);
  const line = end === -1 ? '' : listing.slice(listing.lastIndexOf('\0', end) + 1, end);
  const [, object, size] = /^100\d{3} blob ([0-9a-f]{40,64}) +(\d+)$/.exec(line) ?? [];
  return object === undefined ? undefined : { path: name, object, size: Number(size) };
}

/** Git never writes an entry below a link; a hand-made tree with one would make us write through it. `paths` are in order. */
function belowLinks(paths: readonly string[], links: readonly TreeFile[]): Problem[] {
  const below = new Set<string>();
  for (const { path: link } of links) {
    const start = `${link}/`;
    for (let index = firstFrom(paths, start); paths[index]?.startsWith(start) === true; index += 1) below.add(paths[index] ?? '');
  }
  return [...below].map((path) => entryProblem(path, 'it lies below a symbolic link'));
}

/** Index of the first of the ordered `paths` that is not before `start`. */
function firstFrom(paths: readonly string[], start: string): number {
  let [low, high] = [0, paths.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((paths[middle] ?? '') < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Folders that the ordered `paths` need: of each those that the one before it does not. */
function countFolders(paths: readonly string[]): number {
  let folders = 0;
  let before = '';
  for (const path of paths) {
    let alike = 0;
    while (alike < path.length && path[alike] === before[alike]) alike += 1;
    for (let end = path.indexOf('/', alike); end !== -1; end = path.indexOf('/', end + 1)) folders += 1;
    before = path;
  }
  return folders;
}

/**
 * Why a symbolic link may not be made: its target must be relative and stay inside. `..` is taken at the start only: after a name, which may be
 * a link itself, it could lead anywhere.
 */
export function linkFault(link: string, target: string): string | undefined {
  if (target === '' || target.includes('\0')) return 'its target is empty or no path';
  if (target.startsWith('/')) return 'it leads out of the repository (its target is an absolute path)';
  const parts = target.split('/').filter((part) => part !== '' && part !== '.');
  const ups = parts.findIndex((part) => part !== '..');
  const up = ups === -1 ? parts.length : ups;
  if (parts.slice(up).includes('..')) return 'its target goes down and up again';
  return up > link.split('/').length - 1 ? 'it leads out of the repository' : undefined;
}

/** The problem of a tree entry that can't be written. */
export function entryProblem(path: string, why: string): Problem {
  return {
    code: 'repository-entry',
    severity: 'error',
    place: placeOf(path),
    message: `this file of the repository can't be used: ${why}`,
    hint: 'remove it, or keep the policies in a folder of their own and give that as --path',
  };
}

function placeOf(path: string): Problem['place'] {
  return { file: clip(plain(path.slice(0, 2 * LONGEST_NAME)), LONGEST_NAME) };
}

function nameFault(path: string): string | undefined {
  if (path.includes('\uFFFD')) return 'its name is not UTF-8';
  if (Buffer.byteLength(path) > 3000) return 'its path is too long';
  for (const part of path.split('/')) {
    if (part === '' || part === '.' || part === '..') return `its path has a part ${JSON.stringify(part)}`;
    if (part.toLowerCase() === '.git') return 'its path has a part called .git';
    if (Buffer.byteLength(part) > 255) return 'its name is longer than 255 bytes';
  }
  return undefined;
}

function submodule(path: string): Problem {
  return leftOut(path, 'this is a submodule, and submodules are not fetched: the folder is left out');
}

/** Whether a file's content stands for another, which Git LFS keeps elsewhere. */
export function isLargeFilePointer(content: Buffer): boolean {
  return content.length < 1024 && content.toString('latin1').startsWith('version https://git-lfs.github.com/spec/');
}

export function largeFile(path: string): Problem {
  return leftOut(path, 'this file is in Git LFS, and that is not fetched: the file holds a pointer instead of its content');
}

function leftOut(path: string, message: string): Problem {
  return { code: 'repository-entry', severity: 'warning', place: placeOf(path), message };
}

function tooLarge(
  entries: readonly TreeFile[],
  { paths, limits }: { readonly paths: readonly string[]; readonly limits: TreeLimits },
): Problem[] {
  const bytes = entries.reduce((sum, { size }) => sum + size, 0);
  const folders = countFolders(paths);
  const over = entries.length + folders > limits.files || !(bytes <= limits.bytes);
  if (!over) return [];
  const most = `${count(limits.files, 'file', 'files')} and ${Math.floor(limits.bytes / 1024 / 1024)} MiB`;
  const found = `${count(entries.length, 'file', 'files')}${folders > entries.length ? ` in ${count(folders, 'folder', 'folders')}` : ''}`;
  return [
    {
      code: 'repository-too-large',
      severity: 'error',
      place: {},
      message: `the repository has ${found} with ${Math.ceil(bytes / 1024 / 1024)} MiB, and at most ${most} are taken, folders included`,
      hint: 'keep the policies in a folder of their own and give that as --path',
    },
  ];
}
