/**
 * The files that a program may import: those of its repository, and, where the repository does not bring a package that its lock file pins, the
 * package's own from the package store, as if npm had put them there. Nothing is put there: their paths are only names.
 */
import { join, relative, sep } from 'node:path';
import { bytesText } from './limits.ts';
import { LockFile } from './lock-file.ts';
import type { LockEntry, LockTrouble, Pinned } from './lock-file.ts';
import { BadArchive, PackageArchive } from './package-archive.ts';
import { missingFrom, packageText, PackageStore } from './package-store.ts';
import type { StoreFailure } from './package-store.ts';
import { isInside, locate, readSource, Refusal } from './source-file.ts';
import type { Located } from './source-file.ts';

/** Why a package that the lock file names can't be had. */
export interface Lack {
  readonly key: string;
  /** Of its entry in the lock file, where that is known. */
  readonly line: number | undefined;
  /** What the lock file wants, where it says. */
  readonly version: string | undefined;
  /** For programs that can't do without it. */
  readonly error: Refusal | StoreFailure;
  /** For those that can, because Parapet brings a package of that name. */
  readonly hint: string;
  /** Whether it is the store that lacks it: that may change while the repository stays as it is. */
  readonly isOfStore: boolean;
}

export interface LockedPackagesOptions {
  /** Real path of the repository. */
  readonly repository: string;
  /** Path of the package store, where there is one. */
  readonly store?: string | undefined;
  /** Whether a file of a package can be imported, by its name. */
  readonly isWanted: (name: string) => boolean;
  /** Bytes of all files that could be imported, of all packages of which one is. Default 128 MiB. */
  readonly maxBytes?: number;
}

const LOCK_FILE = 'package-lock.json';
const MAX_LOCK_FILE = 5 * 1024 * 1024;
const MAX_BYTES = 128 * 1024 * 1024;
const TWO_WAYS = 'commit it in node_modules, or have the operator of Parapet put it into a package store (--packages)';

/** One build's. What is not asked for is never looked for: of a lock file with a thousand packages, those count that are imported. */
export class LockedPackages {
  readonly #options: LockedPackagesOptions;
  readonly #store: PackageStore | undefined;
  #lock: Promise<LockFile | LockTrouble | undefined> | undefined;
  readonly #onDisk = new Map<string, Promise<boolean>>();
  readonly #lacks = new Map<string, Promise<Lack | undefined>>();
  readonly #archives = new Map<string, Promise<PackageArchive>>();
  #unpacked: Promise<unknown> = Promise.resolve();
  #bytes = 0;

  constructor(options: LockedPackagesOptions) {
    this.#options = options;
    this.#store = options.store === undefined ? undefined : new PackageStore(options.store);
  }

  /** As `locate` of source-file.ts. Rejects with a Refusal or a StoreFailure when a package is there and can't be used. */
  async locate(path: string): Promise<Located | undefined> {
    const found = await this.#find(path);
    if (found === undefined) return locate(path);
    if ((await this.#lackOf(found.entry)) !== undefined || found.entry.kind === 'unusable') return undefined;
    // That it is there says no more yet than the lock file does: it may never be opened.
    if (found.way === '') return { real: path, kind: 'directory' };
    const kind = (await this.#archive(found.entry)).kindOf(found.way);
    return kind === undefined ? undefined : { real: path, kind };
  }

  /** As `readSource` of source-file.ts, for what `locate` gave. */
  async read(file: string, maxBytes: number): Promise<Buffer> {
    const found = await this.#find(file);
    if (found?.entry.kind !== 'pinned') return readSource(file, maxBytes);
    const data = (await this.#archive(found.entry)).read(found.way);
    if (data === undefined) throw new Refusal('the file cannot be opened', { code: 'file-unreadable' });
    if (data.length > maxBytes) throw new Refusal('the file is too large', { code: 'import-refused' });
    return data;
  }

  /** Why the package whose folder would be `path` can't be had, where the lock file names one there. */
  async lackAt(path: string): Promise<Lack | undefined> {
    const found = await this.#find(path);
    return found?.way === '' ? this.#lackOf(found.entry) : undefined;
  }

  /** Why the lock file as a whole is not followed; `undefined` when it is, or there is none. */
  async trouble(): Promise<Refusal | undefined> {
    const lock = await this.#read();
    return lock === undefined || lock instanceof LockFile
      ? undefined
      : new Refusal(`${LOCK_FILE} cannot be followed: ${lock.message}`, {
          code: 'lock-file-unusable',
          hint: lock.hint,
          place: { file: LOCK_FILE },
        });
  }

  /** What to do about a package that is nowhere. */
  async hintFor(name: string): Promise<string> {
    const lock = await this.#read();
    return lock instanceof LockFile && lock.isForDevelopment(`node_modules/${name}`)
      ? `${LOCK_FILE} has it for development only, and nothing of that is looked for: npm install --save-prod ${name} --package-lock-only`
      : TWO_WAYS;
  }

  /** Which package of the lock file `path` is in, and where in it; `undefined` when it is the repository's own, or out of it. */
  async #find(path: string): Promise<{ readonly entry: LockEntry; readonly way: string } | undefined> {
    const { repository } = this.#options;
    const inside = relative(repository, path).split(sep).join('/');
    if (!inside.startsWith('node_modules/')) return undefined;
    const lock = await this.#read();
    if (!(lock instanceof LockFile)) return undefined;
    const key = lock.owner(inside);
    const entry = key === undefined ? undefined : lock.entry(key);
    if (key === undefined || entry === undefined || (await this.#isOnDisk(key))) return undefined;
    return { entry, way: inside.slice(key.length + 1) };
  }

  /** What the repository brings wins, the whole package. */
  #isOnDisk(key: string): Promise<boolean> {
    return remembered(this.#onDisk, key, async () => (await locate(join(this.#options.repository, key))) !== undefined);
  }

  #lackOf(entry: LockEntry): Promise<Lack | undefined> {
    return remembered(this.#lacks, entry.key, async (): Promise<Lack | undefined> => {
      const line = await this.#lineOf(entry.key);
      const lack = { key: entry.key, version: entry.version, line };
      if (entry.kind === 'unusable') {
        const error = await this.#refusal(entry.key, `${entry.why}, and cannot be followed`, entry.hint);
        return { ...lack, error, hint: entry.hint, isOfStore: false };
      }
      if (this.#store === undefined) {
        const message = `the package ${JSON.stringify(packageText(entry))} is not there, which ${LOCK_FILE} names`;
        return { ...lack, error: new Refusal(message, { code: 'bundle-failed', hint: TWO_WAYS }), hint: TWO_WAYS, isOfStore: false };
      }
      if (await this.#store.has(entry)) return undefined;
      const hint = `for the package store to have it: npm cache add ${packageText(entry)} --cache DIR`;
      return { ...lack, error: missingFrom(entry), hint, isOfStore: true };
    });
  }

  #archive(entry: Pinned): Promise<PackageArchive> {
    return remembered(this.#archives, entry.key, () => {
      // One after the other: while one is unpacked it takes twice what it may have.
      const unpacked = this.#unpacked.then(() => this.#unpack(entry));
      this.#unpacked = unpacked.catch(() => undefined);
      return unpacked;
    });
  }

  async #unpack(entry: Pinned): Promise<PackageArchive> {
    const { isWanted, maxBytes = MAX_BYTES } = this.#options;
    // Without a store every package is a lack.
    const data = (await this.#store?.read(entry)) ?? Buffer.alloc(0);
    try {
      const archive = await PackageArchive.unpack(data, isWanted);
      checkIdentity(entry, archive);
      this.#bytes += archive.size;
      if (this.#bytes <= maxBytes) return archive;
    } catch (error) {
      if (!(error instanceof BadArchive)) throw error;
      throw await this.#refusal(entry.key, `is ${packageText(entry)}, whose archive ${error.message}`);
    }
    throw new Refusal(`the packages of ${LOCK_FILE} that are imported have more than ${bytesText(maxBytes)}`, {
      code: 'lock-file-unusable',
      place: { file: LOCK_FILE },
    });
  }

  async #refusal(key: string, message: string, hint?: string): Promise<Refusal> {
    const line = await this.#lineOf(key);
    return new Refusal(`${JSON.stringify(key)} ${message}`, {
      code: 'lock-file-unusable',
      ...(hint === undefined ? {} : { hint }),
      place: { file: LOCK_FILE, ...(line === undefined ? {} : { line }) },
    });
  }

  async #lineOf(key: string): Promise<number | undefined> {
    const lock = await this.#read();
    return lock instanceof LockFile ? lock.lineOf(key) : undefined;
  }

  #read(): Promise<LockFile | LockTrouble | undefined> {
    return (this.#lock ??= readLock(this.#options.repository));
  }
}

async function readLock(repository: string): Promise<LockFile | LockTrouble | undefined> {
  const found = await locate(join(repository, LOCK_FILE));
  if (found === undefined) return undefined;
  const hint = 'commit the file that npm writes';
  if (found.kind !== 'file' || !isInside(repository, found.real)) return { message: 'it is no file of the repository', hint };
  try {
    return LockFile.read((await readSource(found.real, MAX_LOCK_FILE)).toString('utf8'));
  } catch (error) {
    if (error instanceof Refusal) return { message: error.message, hint };
    throw error;
  }
}

/** A hash says nothing to people: what stands beside it in the lock file has to be what the archive says of itself. */
function checkIdentity({ name, version }: Pinned, archive: PackageArchive): void {
  const json = jsonOf(archive.read('package.json'));
  const own = { name: String(json?.name).slice(0, 214), version: String(json?.version).slice(0, 128) };
  const plain = (text: string): string => text.replace(/^[v=\s]+/, '').replace(/\+.*$/, '');
  if (own.name !== name || plain(own.version) !== plain(version)) throw new BadArchive(`says of itself that it is ${packageText(own)}`);
}

function jsonOf(data: Buffer | undefined): { readonly name?: unknown; readonly version?: unknown } | undefined {
  try {
    const json: unknown = JSON.parse(data?.toString('utf8') ?? '');
    return typeof json === 'object' && json !== null ? json : undefined;
  } catch {
    return undefined;
  }
}

function remembered<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const made = known.get(key) ?? make();
  known.set(key, made);
  return made;
}
