/** From a process to its cgroup of the unified hierarchy, whose directory's inode is what the kernel calls the cgroup's id. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StageError } from '../../stage-error.ts';

export interface Cgroup {
  readonly id: bigint;
  /** The directory. */
  readonly path: string;
  /** Name of the cgroup right below the root that it lies in; undefined where it is that itself. */
  readonly root?: string;
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

  /** The cgroup of a process; `shared` when it is one that the node's own processes are in; undefined when the process is gone. */
  async of(pid: number): Promise<Cgroup | 'shared' | undefined> {
    if (pid <= 0) return undefined;
    const { proc, mount, own } = this.#at;
    try {
      const path = unifiedPath(await readFile(join(proc, String(pid), 'cgroup'), 'utf8'));
      if (path === undefined) return 'shared';
      // `/..` is how a path outside this process's own cgroup namespace looks: it cannot be found from here.
      if (path === '/' || path === own || path.startsWith('/..')) return 'shared';
      const directory = join(mount, path);
      const [, root, below] = path.split('/');
      return { id: (await stat(directory, { bigint: true })).ino, path: directory, ...(below === undefined ? {} : { root }) };
    } catch (error) {
      if (isGone(error)) return undefined;
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

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}

/** Undoes mountinfo's octal escapes: `\040` is a blank. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
