/** A bare, shallow mirror of one repository: kept from one fetch to the next, and made anew where a crash damaged it. */
import { createHash, randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { GitFailure, gitObjects, gitText } from './command.ts';
import type { GitExtras, GitSettings } from './command.ts';

const MIB = 1024 * 1024;
/** Each fetch leaves a pack. */
const MOST_PACKS = 20;
/** How the names of mirrors begin. */
export const MIRROR = 'mirror-';
/** References of pull requests, which nobody asks for twice. */
const PULLS = 'refs/parapet/pull';

export interface MirrorOptions {
  /** Without credentials. */
  readonly url: string;
  /** Ours alone; there already. */
  readonly directory: string;
  readonly settings: GitSettings;
  /** Most bytes that one fetch may bring. */
  readonly limit: number;
}

export interface FetchRequest {
  /** Full name of a reference, or a commit. */
  readonly name: string;
  /** Where it is put: `refs/parapet/…`. */
  readonly to: string;
  /** Length of the repository's hashes: 40 or 64. */
  readonly hash: number;
  readonly signal: AbortSignal;
  /** Gives the command what it needs to be let in. */
  readonly access: (command: (extras: GitExtras) => Promise<string>) => Promise<string>;
}

export class Mirror {
  readonly path: string;
  readonly #options: MirrorOptions;
  /** `unknown`: left by an earlier process, or by a fetch that failed. `fresh`: made by this process. */
  #state: 'unknown' | 'intact' | 'fresh' = 'unknown';
  #hash = 0;
  /** Fetching, making and cleaning up wait for each other. */
  #turn: Promise<unknown> = Promise.resolve();
  #readers = 0;

  constructor(options: MirrorOptions) {
    this.#options = options;
    // One for each address: what is fetched from one must not be had by naming it from another.
    this.path = join(options.directory, `${MIRROR}${createHash('sha256').update(options.url).digest('hex').slice(0, 12)}.git`);
  }

  /** Whether damage may be why reading fails. */
  get mayBeDamaged(): boolean {
    return this.#state !== 'fresh';
  }

  /** Nothing is cleaned away until the returned function is called. */
  hold(): () => void {
    this.#readers += 1;
    return () => (this.#readers -= 1);
  }

  /** The object that the reference points to, once it is here; `undefined` when there is no such reference. */
  async fetch(request: FetchRequest): Promise<string | undefined> {
    return this.#inTurn(request.signal, async () => {
      await this.#prepare(request);
      if ((await this.#packs()).bytes > this.#options.limit / 2) await this.#clean(request.signal, 1);
      try {
        await this.#fetchOrRemake(request);
      } catch (error) {
        this.#state = 'unknown';
        // It will not shrink, and what it is needed for may be small.
        if (error instanceof GitFailure && error.tooMuch) await this.#remove();
        // What Git and servers say of a reference or commit that they don't have.
        if (error instanceof GitFailure && /couldn't find remote ref|not our ref|no such remote ref/.test(error.message)) return undefined;
        throw error;
      }
      return this.at(request.to);
    });
  }

  /** When a commit that is here was made, in seconds since the epoch. */
  async committedAt(commit: string, signal: AbortSignal): Promise<number> {
    return Number(await this.read(['show', '--no-patch', '--format=%ct', commit, '--'], signal));
  }

  /** The object that a reference of the mirror points to. */
  async at(ref: string): Promise<string | undefined> {
    const text = await fs.readFile(join(this.path, ref), 'latin1').catch(() => '');
    return /^([0-9a-f]{40}|[0-9a-f]{64})\n$/.exec(text)?.[1];
  }

  async read(args: readonly string[], signal: AbortSignal): Promise<string> {
    return gitText(this.#options.settings, { directory: this.path, args, signal, limit: 64 * MIB });
  }

  async objects(input: { readonly ids: readonly string[]; readonly limit: number; readonly signal: AbortSignal }): Promise<Buffer> {
    const { ids, limit, signal } = input;
    if (ids.length === 0) return Buffer.alloc(0);
    return gitObjects(this.#options.settings, { directory: this.path, signal, limit, input: ids.map((id) => `${id}\n`).join('') });
  }

  /** Forgets everything: the next fetch starts from nothing. */
  async remake(signal: AbortSignal): Promise<void> {
    await this.#inTurn(signal, async () => this.#remove());
  }

  /** Throws away what no reference needs, when there is much of it and nobody reads. */
  async tidy(signal: AbortSignal): Promise<void> {
    if (this.#readers > 0 || (await this.#packs()).count <= MOST_PACKS) return;
    await this.#inTurn(signal, async () => this.#clean(signal, 0));
  }

  async isIntact(signal: AbortSignal): Promise<boolean> {
    try {
      await this.read(['rev-list', '--objects', '--all', '--count'], signal);
      return true;
    } catch (error) {
      if (error instanceof GitFailure) return false;
      throw error;
    }
  }

  async #inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#turn;
    const mine = before.then(() => {
      signal.throwIfAborted();
      return work();
    });
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #prepare({ hash, signal }: FetchRequest): Promise<void> {
    if (this.#state !== 'unknown' && this.#hash === hash) return;
    const format = hash === 64 ? 'sha256' : 'sha1';
    const kept = (await fs.readFile(join(this.path, 'config'), 'utf8').catch(() => '')) === configOf(format);
    if (kept) await removeLeftovers(this.path);
    if (kept && (await this.isIntact(signal))) this.#state = 'intact';
    else await this.#make(format);
    this.#hash = hash;
  }

  /** A bare repository without templates, so without hooks; there whole or not at all. */
  async #make(format: 'sha1' | 'sha256'): Promise<void> {
    await this.#remove();
    const half = join(this.#options.directory, `${MIRROR}${randomUUID()}`);
    for (const folder of ['objects/pack', 'objects/info', 'refs/heads', 'refs/parapet'])
      await fs.mkdir(join(half, folder), { recursive: true, mode: 0o700 });
    await fs.writeFile(join(half, 'HEAD'), 'ref: refs/heads/none\n');
    await fs.writeFile(join(half, 'config'), configOf(format));
    await fs.rename(half, this.path);
    this.#state = 'fresh';
  }

  async #remove(): Promise<void> {
    this.#state = 'unknown';
    await fs.rm(this.path, { recursive: true, force: true });
  }

  /** Once more from nothing where damage is why it fails. */
  async #fetchOrRemake(request: FetchRequest): Promise<void> {
    try {
      await this.#fetch(request);
    } catch (error) {
      const { hash, signal } = request;
      if (!(error instanceof GitFailure) || error.tooMuch || !this.mayBeDamaged || (await this.isIntact(signal))) throw error;
      await this.#make(hash === 64 ? 'sha256' : 'sha1');
      await this.#fetch(request);
    }
  }

  async #fetch({ name, to, signal, access }: FetchRequest): Promise<void> {
    const tooLarge = new AbortController();
    const before = (await this.#packs()).bytes;
    const guard = async (): Promise<void> => {
      if ((await this.#packs()).bytes - before > this.#options.limit) tooLarge.abort();
    };
    const watch = setInterval(() => void guard(), 200);
    try {
      // Not quiet: of a command that says nothing simple-git waits to see whether it is late.
      const options = ['--verbose', '--no-progress', '--force', '--depth=1', '--no-tags', '--no-recurse-submodules'];
      const args = ['fetch', ...options, '--no-write-fetch-head', '--no-auto-gc', '--', this.#options.url, `+${name}:${to}`];
      const either = AbortSignal.any([signal, tooLarge.signal]);
      await access(async (extras) => gitText(this.#options.settings, { directory: this.path, args, signal: either, limit: MIB, extras }));
      await guard();
      tooLarge.signal.throwIfAborted();
    } catch (error) {
      if (tooLarge.signal.aborted) throw new GitFailure('it is too large to fetch', { tooMuch: true });
      throw error;
    } finally {
      clearInterval(watch);
    }
  }

  /** Nothing while more than `readers` read: what they read may be needed by no reference any more. */
  async #clean(signal: AbortSignal, readers: number): Promise<void> {
    if (this.#readers > readers) return;
    await fs.rm(join(this.path, PULLS), { recursive: true, force: true });
    await this.read(['gc', '--quiet'], signal).catch(() => (this.#state = 'unknown'));
  }

  async #packs(): Promise<{ readonly count: number; readonly bytes: number }> {
    const folder = join(this.path, 'objects', 'pack');
    const names = await fs.readdir(folder).catch(() => []);
    const sizes = names.map(async (name) =>
      fs.stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    return { count: names.filter((name) => name.endsWith('.pack')).length, bytes };
  }
}

function configOf(format: 'sha1' | 'sha256'): string {
  const [version, extension] = format === 'sha1' ? [0, ''] : [1, '[extensions]\n\tobjectformat = sha256\n'];
  return `[core]\n\trepositoryformatversion = ${version}\n\tbare = true\n${extension}`;
}

/** Locks and half packs of a process that is gone. Packs that are kept would never be cleaned away. */
async function removeLeftovers(path: string): Promise<void> {
  const names = await fs.readdir(path, { recursive: true });
  const left = names.filter((name) => /\.lock$|(^|\/)(tmp_|\.tmp-)[^/]*$|\.keep$|(^|\/)gc\.pid/.test(name));
  await Promise.all(left.map((name) => fs.rm(join(path, name), { recursive: true, force: true })));
}
