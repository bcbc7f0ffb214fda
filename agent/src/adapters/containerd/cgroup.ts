/**
 * From a container to its cgroup of the unified hierarchy, whose directory's inode is what the kernel calls the cgroup's id. It is the one
 * that the runtime gave it, wherever its first process is now: who may write to the hierarchy can move itself.
 */
import { readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { StageError } from '../../stage-error.ts';
import type { Named } from './cgroups-path.ts';
import { above, isNamed, isWithin, namesOf, placesOf } from './cgroups-path.ts';

/** A container by its first process and by what names its cgroup. */
export interface Sought extends Named {
  readonly pid: number;
}

export interface Cgroup {
  readonly id: bigint;
  /** The directory. */
  readonly path: string;
  /** Name of the cgroup right below the root that it lies in; undefined where it is that itself. */
  readonly root?: string;
  /** How many levels it is below the root. */
  readonly level: number;
  /** How many levels the first process is below it; undefined where that is in another cgroup. */
  readonly depth: number | undefined;
}

/** Where the unified hierarchy is mounted, from `/proc/self/mountinfo`; undefined when it is not. */
export function unifiedMount(mountinfo: string): string | undefined {
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, point] = before.split(' ');
    if (after.startsWith('cgroup2 ') && root === '/' && point !== undefined) return unescape(point);
  }
  return undefined;
}

/** The path in the unified hierarchy, from `/proc/PID/cgroup`: the line `0::/path`. */
export function unifiedPath(text: string): string | undefined {
  const line = text.split('\n').find((found) => found.startsWith('0::'));
  return line?.slice(3).replace(/ \(deleted\)$/, '');
}

/** Finds the cgroups of processes. Throws a StageError when this node has no unified hierarchy. */
export async function openCgroups(proc = '/proc'): Promise<CgroupFinder> {
  const mount = unifiedMount(await readFile(join(proc, 'self/mountinfo'), 'utf8'));
  if (mount === undefined) {
    throw new StageError('there is no cgroup v2 hierarchy; mount it with: mount -t cgroup2 cgroup2 /sys/fs/cgroup', {
      stage: 'cgroup',
      retry: false,
    });
  }
  const own = unifiedPath(await readFile(join(proc, 'self/cgroup'), 'utf8')) ?? '/';
  return new CgroupFinder({ proc, mount, own });
}

export class CgroupFinder {
  readonly #at: { readonly proc: string; readonly mount: string; readonly own: string };

  constructor(at: { readonly proc: string; readonly mount: string; readonly own: string }) {
    this.#at = at;
  }

  /** A container's cgroup; `shared` when it is one that the node's own processes are in; undefined when the first process is gone. */
  async of(sought: Sought): Promise<Cgroup | 'shared' | undefined> {
    const { pid } = sought;
    if (pid <= 0) return undefined;
    const { mount, own } = this.#at;
    try {
      const process = this.#pathOf(pid);
      const path = await this.#place(sought, process);
      if (path === undefined || path === '/' || isWithin(own, path)) return 'shared';
      const directory = join(mount, path);
      const [, root, below] = path.split('/');
      return {
        id: (await stat(directory, { bigint: true })).ino,
        path: directory,
        ...(below === undefined ? {} : { root }),
        level: levelOf(path),
        depth: process !== undefined && isWithin(process, path) ? levelOf(process) - levelOf(path) : undefined,
      };
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  /**
   * Where the container's cgroup is, the root of the hierarchy being `/`; undefined when that cannot be found from here. Of cgroups that the
   * process is in or below and that could be it, the one nearest to the root counts: those below may have been made by the container.
   */
  async #place(sought: Sought, process: string | undefined): Promise<string | undefined> {
    const shim = this.#shimOf(sought.pid);
    // What started the container is not in the container; a cgroup of this name that it is in is that of a node in a container.
    const isFree = (place: string): boolean => shim === undefined || !isWithin(shim, place);
    const places = placesOf(sought, shim).filter(isFree);
    const around = places.find((place) => process !== undefined && isWithin(process, place));
    if (around !== undefined) return around;
    for (const place of places) if (isNamed(place, sought.id) && (await this.#exists(place))) return place;
    const names = namesOf(sought);
    return above(process ?? '').find((place) => names.includes(basename(place)) && isFree(place)) ?? process;
  }

  /** The cgroup of what started the container, the parent of its first process; undefined when that cannot be seen. */
  #shimOf(pid: number): string | undefined {
    try {
      const status = readFileSync(join(this.#at.proc, String(pid), 'stat'), 'utf8');
      // A program's name can have anything in it, so what counts is behind the last parenthesis.
      const parent = status.slice(status.lastIndexOf(')')).split(' ')[2];
      return parent === undefined ? undefined : this.#pathOf(Number(parent));
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  /** The cgroup of a process; undefined when it cannot be found from here: `/..` is how one outside this process's cgroup namespace looks. */
  #pathOf(pid: number): string | undefined {
    // The kernel has this in memory, and a list of containers asks for all at once: other ways take 64 KiB for each.
    const path = unifiedPath(readFileSync(join(this.#at.proc, String(pid), 'cgroup'), 'utf8'));
    return path?.startsWith('/..') === true ? undefined : path;
  }

  async #exists(place: string): Promise<boolean> {
    try {
      return (await stat(join(this.#at.mount, place))).isDirectory();
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }

  /** Whether processes are still in the cgroup (or below it). */
  async populated({ path }: Cgroup): Promise<boolean> {
    try {
      return /^populated 1$/m.test(await readFile(join(path, 'cgroup.events'), 'utf8'));
    } catch {
      return false;
    }
  }
}

function levelOf(path: string): number {
  return above(path).length - 1;
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}

/** Undoes mountinfo's octal escapes: `\040` is a blank. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
