/** A branch of a repository, read and written without a work tree: fetched into a bare repository of our own, committed there, pushed. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { fastImport } from '../fast-import.ts';
import type { CommitInput } from '../fast-import.ts';
import { GitAccess } from './git/access.ts';
import type { CredentialsReader } from './git/access.ts';
import { GitFailure, gitObjects, gitText } from './git/command.ts';
import type { GitExtras, GitSettings } from './git/command.ts';
import { openPlace } from './git/place.ts';

const FETCHED = 'refs/parapet/branch';
const NEXT = 'refs/parapet/next';
const MIB = 1024 * 1024;

export interface BranchOptions {
  /** Without credentials. */
  readonly url: string;
  readonly branch: string;
  /** A directory of our own. */
  readonly directory: string;
  /** What Git may know of our environment: `PATH`, proxies, certificates, the ssh agent. */
  readonly environment: Readonly<Record<string, string>>;
  readonly credentials: CredentialsReader;
  /** Most bytes of objects that are kept; 1 GiB unless told. */
  readonly limit?: number;
}

export interface BranchEntry {
  readonly name: string;
  /** `blob` for regular files only; links and submodules are `other`, as are folders. */
  readonly type: 'blob' | 'other';
  readonly object: string;
  /** In bytes. */
  readonly size: number;
}

/** Rejects with a GitFailure, or with the signal's reason. */
export class BranchRepository {
  readonly #options: BranchOptions;
  readonly #settings: GitSettings;
  readonly #access: GitAccess;
  /** The repository, once it was made by this process; forgotten when anything fails: a crash leaves locks and half a repository. */
  #ready: Promise<void> | undefined;
  /** The commit of the branch whose objects are here. */
  #here: string | undefined;

  constructor(options: BranchOptions) {
    const { url, directory, environment, credentials } = options;
    this.#options = options;
    this.#settings = { environment, protocol: new URL(url).protocol.replace(':', ''), home: directory };
    this.#access = new GitAccess({ url, directory, credentials });
  }

  get #repository(): string {
    return join(this.#options.directory, 'rendered.git');
  }

  get #remote(): string {
    return `refs/heads/${this.#options.branch}`;
  }

  /** The branch's commit, with its objects here; `undefined` when there is no such branch. */
  async fetch(signal: AbortSignal): Promise<string | undefined> {
    return this.#whole(async () => {
      await this.#prepare(signal);
      const now = await this.#ask(signal);
      if (now === undefined || now === this.#here) return now;
      const options = ['--quiet', '--force', '--depth=1', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head', '--no-auto-gc'];
      const args = ['fetch', ...options, '--', this.#options.url, `+${this.#remote}:${FETCHED}`];
      await this.#bounded(signal, async (limited) => this.#remotely(args, limited));
      // It may have moved since it was asked for.
      this.#here = (await this.#git(['rev-parse', '--verify', `${FETCHED}^{commit}`], signal)).trim();
      return this.#here;
    });
  }

  /** What a folder of the commit holds; empty when there is no such folder. `.` is the top. */
  async list(commit: string, path: string, signal: AbortSignal): Promise<readonly BranchEntry[]> {
    return this.#whole(async () => {
      const within = path === '.' ? [] : [`${path}/`];
      return parseTree(await this.#git(['ls-tree', '-z', '--long', '--full-tree', commit, '--', ...within], signal), path);
    });
  }

  /** The first part of the path that is there and no folder: a file written below it would replace it. */
  async obstacle(commit: string, path: string, signal: AbortSignal): Promise<string | undefined> {
    const parts = path === '.' ? [] : path.split('/');
    for (let length = 1; length <= parts.length; length += 1) {
      const part = parts.slice(0, length).join('/');
      const line = await this.#whole(() => this.#git(['ls-tree', '-z', '--full-tree', commit, '--', part], signal));
      if (line === '') return undefined;
      if (!/^\d{6} tree /.test(line)) return part;
    }
    return undefined;
  }

  /** The texts of these files, by name. */
  async read(entries: readonly BranchEntry[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    if (entries.length === 0) return new Map();
    return this.#whole(async () => {
      const input = entries.map(({ object }) => `${object}\n`).join('');
      const limit = entries.reduce((sum, { size }) => sum + size + 200, MIB);
      const bytes = await gitObjects(this.#settings, { directory: this.#repository, signal, limit, input });
      return cut(bytes, entries);
    });
  }

  /** Makes a commit in our own repository; gives its hash. */
  async commit(input: Omit<CommitInput, 'ref'>, signal: AbortSignal): Promise<string> {
    return this.#whole(async () => {
      await this.#prepare(signal);
      const text = fastImport({ ...input, ref: NEXT });
      const args = ['fast-import', '--quiet', '--force', '--done'];
      await gitText(this.#settings, { directory: this.#repository, args, signal, limit: MIB, input: text });
      return (await this.#git(['rev-parse', '--verify', `${NEXT}^{commit}`], signal)).trim();
    });
  }

  /**
   * Makes the branch point at `commit`, if it still points at `expected` (`undefined`: if it still isn't there). Whatever the push said,
   * the repository is asked what came of it: an answer may get lost.
   */
  async push(commit: string, expected: string | undefined, signal: AbortSignal): Promise<'pushed' | 'moved'> {
    const lease = `--force-with-lease=${this.#remote}:${expected ?? ''}`;
    const options = ['--quiet', '--porcelain', '--no-verify', '--no-follow-tags', '--recurse-submodules=no', lease];
    try {
      await this.#remotely(['push', ...options, '--', this.#options.url, `${commit}:${this.#remote}`], signal);
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
      const now = await this.#whole(() => this.#ask(signal));
      if (now === expected) throw error;
      if (now !== commit) return 'moved';
    }
    this.#here = commit;
    await this.#whole(() => this.#git(['update-ref', FETCHED, commit], signal));
    await this.#tidy(signal);
    return 'pushed';
  }

  async close(): Promise<void> {
    this.#forget();
    await fs.rm(this.#repository, { recursive: true, force: true });
  }

  async #ask(signal: AbortSignal): Promise<string | undefined> {
    const listing = await this.#remotely(['ls-remote', '--', this.#options.url, this.#remote], signal);
    const found = listing.split('\n').find((line) => line.endsWith(`\t${this.#remote}`));
    return /^([0-9a-f]{40}|[0-9a-f]{64})\t/.exec(found ?? '')?.[1];
  }

  async #prepare(signal: AbortSignal): Promise<void> {
    this.#ready ??= this.#make(signal);
    return this.#ready;
  }

  /** Without templates, so without hooks; anew, because the last process may have died in the middle of anything. */
  async #make(signal: AbortSignal): Promise<void> {
    // A command that the last process started may still be at work in it.
    await openPlace(this.#options.directory, this.#repository);
    await fs.rm(this.#repository, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    await fs.mkdir(this.#repository, { recursive: true, mode: 0o700 });
    await this.#git(['init', '--quiet', '--bare', '--template='], signal);
  }

  /** Old commits are of no use any more. */
  async #tidy(signal: AbortSignal): Promise<void> {
    await this.#whole(() => this.#git(['gc', '--auto', '--quiet'], signal));
    if (await this.#isTooLarge()) this.#forget();
  }

  /** Ends what fetches more than may be kept. */
  async #bounded(signal: AbortSignal, fetch: (limited: AbortSignal) => Promise<unknown>): Promise<void> {
    const tooLarge = new AbortController();
    const look = async (): Promise<void> => {
      if (await this.#isTooLarge()) tooLarge.abort();
    };
    const watch = setInterval(() => void look(), 500);
    try {
      await fetch(AbortSignal.any([signal, tooLarge.signal]));
      await look();
      tooLarge.signal.throwIfAborted();
    } catch (error) {
      if (!tooLarge.signal.aborted) throw error;
      await fs.rm(this.#repository, { recursive: true, force: true });
      throw new GitFailure('it is too large to fetch', { tooMuch: true });
    } finally {
      clearInterval(watch);
    }
  }

  /** What was fetched is in packs. */
  async #isTooLarge(): Promise<boolean> {
    const folder = join(this.#repository, 'objects', 'pack');
    const names = await fs.readdir(folder).catch(() => []);
    const sizes = await Promise.all(names.map(async (name) => (await fs.stat(join(folder, name)).catch(() => undefined))?.size ?? 0));
    return sizes.reduce((sum, size) => sum + size, 0) > (this.#options.limit ?? 1024 * MIB);
  }

  #forget(): void {
    this.#ready = undefined;
    this.#here = undefined;
  }

  async #whole<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#forget();
      throw error;
    }
  }

  async #git(args: readonly string[], signal: AbortSignal, extras?: GitExtras): Promise<string> {
    const call = { directory: this.#repository, args, signal, limit: 64 * MIB };
    return gitText(this.#settings, extras === undefined ? call : { ...call, extras });
  }

  /** With what it takes to be let in. */
  async #remotely(args: readonly string[], signal: AbortSignal): Promise<string> {
    return this.#access.use(signal, async (extras) => this.#git(args, signal, extras));
  }
}

/** `<mode> <type> <object> <size>\t<path>`, ended by a zero byte each. */
function parseTree(listing: string, path: string): BranchEntry[] {
  const above = path === '.' ? '' : `${path}/`;
  return listing.split('\0').flatMap((line): BranchEntry[] => {
    const [, mode, object, size, name] = /^(\d{6}) [a-z]+ ([0-9a-f]{40,64}) +(\d+|-)\t([^]+)$/.exec(line) ?? [];
    if (object === undefined || name === undefined || !name.startsWith(above)) return [];
    const regular = mode === '100644' || mode === '100755';
    return [{ name: name.slice(above.length), type: regular ? 'blob' : 'other', object, size: Number(size) }];
  });
}

/** Cuts `<object> blob <size>\n<content>\n` after one another. */
function cut(bytes: Buffer, entries: readonly BranchEntry[]): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  let at = 0;
  for (const { name, object, size } of entries) {
    const start = bytes.indexOf('\n', at) + 1;
    if (bytes.toString('latin1', at, start) !== `${object} blob ${size}\n`) throw new GitFailure('git cat-file gave another object');
    texts.set(name, bytes.toString('utf8', start, start + size));
    at = start + size + 1;
  }
  return texts;
}
