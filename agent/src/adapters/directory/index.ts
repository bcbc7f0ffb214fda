/**
 * Policies from a directory. Notifications of the kernel make it quick, and a look every tenth of a second makes it sure: network and 9p
 * file systems notify nobody.
 */
import { createHash } from 'node:crypto';
import type { FSWatcher } from 'node:fs';
import { constants, watch } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ManifestFile, PolicySource } from '../../ports.ts';
import { broken, MAX_BYTES, readManifests } from './manifest.ts';
import type { Found, Scan } from './scan.ts';
import { codeOf, isManifestName, scan, unreadable } from './scan.ts';

export interface DirectoryOptions {
  /** May be a symbolic link, and may not exist yet. */
  readonly directory: string;
  /** Milliseconds between looks; many files make it more. Default 100. */
  readonly interval?: number;
}

/** Milliseconds that a change must stay as it is before it is read: a file written in place is first empty, then whole. */
const SETTLE = 25;
const SETTLE_TRIES = 8;
/** Milliseconds between two looks at least, however busy the directories are. */
const MIN_PAUSE = 10;
/** Milliseconds that each file adds to the pause. Counted, not measured: on a busy node a look waits more than it works. */
const PAUSE_PER_FILE = 0.2;
const MAX_WATCHES = 512;

/** Opens a directory of manifests as the source of policies. */
export function openDirectory(options: DirectoryOptions): PolicySource {
  return new DirectorySource(options);
}

interface Read {
  readonly signature: string;
  readonly digest: string;
  readonly manifest: ManifestFile;
}

class DirectorySource implements PolicySource {
  readonly #directory: string;
  readonly #interval: number;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #stop = new AbortController();
  #read = new Map<string, Read>();
  #signature: string | undefined;
  #onChange: (files: readonly ManifestFile[]) => void = () => undefined;
  #woken = false;
  #endPause: () => void = () => undefined;
  #running: Promise<void> | undefined;
  #again: Promise<void> | undefined;

  constructor({ directory, interval = 100 }: DirectoryOptions) {
    this.#directory = directory;
    this.#interval = interval;
  }

  async watch(onChange: (files: readonly ManifestFile[]) => void): Promise<void> {
    this.#onChange = onChange;
    await this.refresh();
    void this.#loop();
  }

  /** One look at a time: who asks while one runs gets the one after it, since theirs may have begun before the change. */
  refresh(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#look().finally(() => (this.#running = undefined));
      return this.#running;
    }
    this.#again ??= this.#running.then(() => {
      this.#again = undefined;
      return this.refresh();
    });
    return this.#again;
  }

  close(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    return Promise.resolve();
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#woken = false;
      await this.refresh();
      await sleep(MIN_PAUSE, undefined, { ref: false });
      await this.#pause(this.#interval + PAUSE_PER_FILE * this.#read.size);
    }
  }

  /** Resolves after so many milliseconds; at once when something has changed since the last look began. */
  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#woken || this.#stop.signal.aborted) return resolve();
      const timer = setTimeout(resolve, milliseconds);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #wake(): void {
    this.#woken = true;
    this.#endPause();
  }

  async #look(): Promise<void> {
    try {
      let found = await scan(this.#directory);
      if (found.signature === this.#signature) return;
      let read = this.#read;
      for (let tries = 0; tries < SETTLE_TRIES; tries += 1) {
        await sleep(SETTLE);
        read = await readAll(found, read);
        // Whoever changed the directory while it was read has made this a mixture of old and new.
        const after = await scan(this.#directory);
        if (after.signature === found.signature) return this.#take(found, read);
        found = after;
      }
      this.#wakeSoon();
    } catch (error) {
      this.#vanished(error);
    }
  }

  #take(found: Scan, read: Map<string, Read>): void {
    this.#signature = found.signature;
    this.#watch(found.directories);
    this.#tell(read, found);
  }

  #tell(next: Map<string, Read>, { problems, full }: Scan): void {
    // What lies in a directory that cannot be read now, or beyond the limit, is not removed: it is unknown.
    for (const [file, read] of this.#read) {
      const unknown = full || problems.some(({ place }) => place.file !== undefined && file.startsWith(`${place.file}/`));
      if (unknown && !next.has(file)) next.set(file, read);
    }
    this.#read = next;
    const files = [...next.values()].map(({ manifest }) => manifest);
    // What could not even be opened is a file of its own, so that what it held before is kept.
    const seen = new Set(files.map(({ file }) => file));
    for (const problem of problems) {
      const file = problem.place.file ?? '';
      if (!seen.has(file)) files.push(broken(file, [problem]));
      seen.add(file);
    }
    this.#onChange(files);
  }

  /** The whole directory is gone or unreadable: everything stays as it was, and says so. */
  #vanished(error: unknown): void {
    const signature = `vanished ${codeOf(error)}`;
    if (this.#signature === signature || this.#stop.signal.aborted) return;
    const first = this.#signature === undefined;
    this.#signature = signature;
    const message = `the policies directory cannot be read: ${codeOf(error)}; ${first ? 'waiting for it' : 'the policies read before stay in force'}`;
    const files = [...this.#read.values()].map(({ manifest }) => manifest);
    this.#onChange([...files, broken('', [{ ...unreadable(this.#directory, message) }])]);
  }

  #wakeSoon(): void {
    setTimeout(() => this.#wake(), 1);
  }

  /** Follows the set of directories with the kernel's notifications, as far as they go. */
  #watch(directories: ReadonlySet<string>): void {
    for (const [path, watcher] of this.#watchers) {
      if (directories.has(path)) continue;
      watcher.close();
      this.#watchers.delete(path);
    }
    for (const path of directories) {
      if (this.#watchers.has(path) || this.#watchers.size >= MAX_WATCHES) continue;
      try {
        const watcher = watch(path, { persistent: false }, (_, name) => {
          if (name === null || mayMatter(name)) this.#wake();
        });
        watcher.on('error', () => {
          watcher.close();
          this.#watchers.delete(path);
        });
        this.#watchers.set(path, watcher);
      } catch {
        // Looking every interval finds the change too.
      }
    }
  }
}

/** Whether a changed name can be a manifest's, a directory's or a link's; a log file that grows beside them wakes nobody. */
function mayMatter(name: string): boolean {
  return !name.includes('.') || isManifestName(name);
}

/** Reads what is not as it was in `before`. */
async function readAll({ files }: Scan, before: ReadonlyMap<string, Read>): Promise<Map<string, Read>> {
  const read = new Map<string, Read>();
  for (const found of files) {
    const old = before.get(found.file);
    read.set(found.file, old?.signature === found.signature ? old : await readOne(found, old));
  }
  return read;
}

/** Reads one file. Content that is as it was gives the very same object, so that a touched file changes nothing. */
async function readOne(found: Found, old: Read | undefined): Promise<Read> {
  try {
    if (found.size > MAX_BYTES) return tooLarge(found);
    const handle = await open(found.path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      // A file that grows meanwhile is not read to its end; it is found changed, and read again.
      const buffer = Buffer.alloc(found.size + 1);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
      const bytes = buffer.subarray(0, bytesRead);
      const digest = createHash('sha256').update(bytes).digest('hex');
      const manifest = old?.digest === digest ? old.manifest : readManifests(found.file, bytes);
      return { signature: found.signature, digest, manifest };
    } finally {
      await handle.close();
    }
  } catch (error) {
    return { signature: '', digest: '', manifest: broken(found.file, [unreadable(found.file, `cannot be read: ${codeOf(error)}`)]) };
  }
}

function tooLarge(found: Found): Read {
  const problem = unreadable(found.file, `has ${found.size} bytes, and at most ${MAX_BYTES} are read`, 'split it into several files');
  return { signature: found.signature, digest: '', manifest: broken(found.file, [problem]) };
}
