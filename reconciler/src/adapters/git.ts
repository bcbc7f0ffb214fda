/** A Git repository as a source of commits: asked cheaply, fetched shallowly into a bare mirror, written out by us and not by Git. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { Problem } from '@parapet/policy';
import { plain, shortCommit } from '../describe.ts';
import { readTree, TREE_LIMITS } from '../git-tree.ts';
import type { TreeLimits } from '../git-tree.ts';
import type { ExportedTree, Resolved, Source } from '../ports.ts';
import { isCommitHash } from '../source-url.ts';
import { StageError } from '../stage-error.ts';
import { GitFailure, gitObjects, gitText } from './git-command.ts';
import type { GitSettings } from './git-command.ts';
import { writeTree } from './git-write.ts';

const HEAD = 'refs/parapet/head';
const MIB = 1024 * 1024;

export interface GitSourceOptions {
  /** Without credentials. */
  readonly url: string;
  /** Branch, tag, full reference name or full commit hash; `undefined` is the repository's default branch. */
  readonly ref: string | undefined;
  /** Folder in the repository, relative and normalized; `.` is all of it. */
  readonly path: string;
  /** A directory of our own, for the mirror and the files of the commit at hand. */
  readonly directory: string;
  readonly git: Omit<GitSettings, 'home'>;
  /** Longest time for asking and for fetching, in milliseconds. */
  readonly patience?: { readonly resolve: number; readonly fetch: number };
  /** Most bytes that the mirror may take on disk while fetching; 1 GiB unless told. */
  readonly mirrorLimit?: number;
  readonly treeLimits?: TreeLimits;
}

export class GitSource implements Source {
  readonly url: string;
  readonly #options: GitSourceOptions;
  readonly #settings: GitSettings;
  readonly #patience: { readonly resolve: number; readonly fetch: number };
  /** The mirror, once it was made by this process; forgotten when fetching fails: a crash leaves locks and half a repository. */
  #ready: Promise<void> | undefined;

  constructor(options: GitSourceOptions) {
    this.url = options.url;
    this.#options = options;
    this.#settings = { ...options.git, home: this.#mirror };
    this.#patience = options.patience ?? { resolve: 20_000, fetch: 120_000 };
  }

  get #mirror(): string {
    return join(this.#options.directory, 'mirror.git');
  }

  get #work(): string {
    return join(this.#options.directory, 'work');
  }

  async resolve(signal: AbortSignal): Promise<Resolved> {
    const { ref } = this.#options;
    if (ref !== undefined && isCommitHash(ref)) return { commit: ref };
    const found = await this.#lookUp(AbortSignal.any([signal, AbortSignal.timeout(this.#patience.resolve)]), signal);
    return found === undefined ? { problems: [this.#refNotFound()] } : { commit: found.commit };
  }

  async export(commit: string, signal: AbortSignal): Promise<ExportedTree | { readonly moved: string }> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(this.#patience.fetch)]);
    try {
      const now = await this.#fetch(commit, limited, signal);
      if (now === undefined) return this.#refused(this.#refNotFound());
      if (now !== commit) return { moved: now };
      return await this.#failing('fetch', signal, () => this.#writeOut(commit, limited));
    } catch (error) {
      // Not the world's doing, and no better the next time.
      if (error instanceof StageError && error.code === 'repository-too-large') return this.#refused(tooLarge(error));
      throw error;
    }
  }

  async close(): Promise<void> {
    await fs.rm(this.#work, { recursive: true, force: true });
  }

  /** The reference's full name and where it points, peeled. A branch comes before a tag of the same name. */
  async #lookUp(limited: AbortSignal, signal: AbortSignal): Promise<{ readonly name: string; readonly commit: string } | undefined> {
    const { ref } = this.#options;
    const names = ref === undefined ? ['HEAD'] : ref.startsWith('refs/') ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
    const patterns = names.flatMap((name) => [name, `${name}^{}`]);
    const listing = await this.#failing('resolve', signal, async () => {
      await this.#prepare(limited);
      return gitText(this.#settings, {
        directory: this.#mirror,
        args: ['ls-remote', '--', this.url, ...patterns],
        signal: limited,
        limit: MIB,
      });
    });
    const found = new Map<string, string>();
    for (const line of listing.split('\n')) {
      const [, commit, name] = /^([0-9a-f]{40}|[0-9a-f]{64})\t(.+)$/.exec(line) ?? [];
      if (commit !== undefined && name !== undefined) found.set(name, commit);
    }
    const name = names.find((candidate) => found.has(candidate));
    const commit = name === undefined ? undefined : (found.get(`${name}^{}`) ?? found.get(name));
    return name === undefined || commit === undefined ? undefined : { name, commit };
  }

  /** Brings the commit into the mirror; gives where the reference is by now, `undefined` when there is none any more. */
  async #fetch(commit: string, limited: AbortSignal, signal: AbortSignal): Promise<string | undefined> {
    const { ref } = this.#options;
    const byHash = ref !== undefined && isCommitHash(ref);
    const name = byHash ? commit : (await this.#lookUp(limited, signal))?.name;
    if (name === undefined) return undefined;
    return this.#failing('fetch', signal, async () => {
      await this.#prepare(limited);
      const tooLarge = new AbortController();
      const watch = setInterval(() => void this.#guardSize(tooLarge), 500);
      try {
        const options = [
          '--quiet',
          '--force',
          '--depth=1',
          '--no-tags',
          '--no-recurse-submodules',
          '--no-write-fetch-head',
          '--no-auto-gc',
        ];
        const args = ['fetch', ...options, '--', this.url, `+${name}:${HEAD}`];
        await gitText(this.#settings, { directory: this.#mirror, args, signal: AbortSignal.any([limited, tooLarge.signal]), limit: MIB });
        await this.#guardSize(tooLarge);
        tooLarge.signal.throwIfAborted();
      } catch (error) {
        if (tooLarge.signal.aborted) throw new GitFailure('it is too large to fetch', { tooMuch: true });
        // What servers say of a commit that they don't have.
        if (byHash && error instanceof GitFailure && /not our ref|no such remote ref/.test(error.message)) return undefined;
        throw error;
      } finally {
        clearInterval(watch);
      }
      return (await this.#local(['rev-parse', '--verify', '--quiet', `${HEAD}^{commit}`], limited)).trim();
    });
  }

  async #writeOut(commit: string, signal: AbortSignal): Promise<ExportedTree> {
    const { path } = this.#options;
    const work = this.#work;
    await fs.rm(work, { recursive: true, force: true });
    const dispose = async (): Promise<void> => fs.rm(work, { recursive: true, force: true });
    const top = path === '.' ? `${commit}^{tree}` : `${commit}:${path}`;
    const type = await this.#local(['cat-file', '-t', top], signal).catch((error: unknown) => {
      if (error instanceof GitFailure) return 'missing';
      throw error;
    });
    if (type.trim() !== 'tree') return { directory: work, problems: [this.#pathNotFound(commit)], dispose };
    const listing = readTree(
      await this.#local(['ls-tree', '-r', '-z', '--long', '--full-tree', top], signal),
      this.#options.treeLimits ?? TREE_LIMITS,
    );
    if (listing.problems.some(({ severity }) => severity === 'error')) return { directory: work, problems: listing.problems, dispose };
    const entries = [...listing.files, ...listing.links];
    const bytes = entries.reduce((sum, { size }) => sum + size, 0);
    const objects = await gitObjects(this.#settings, {
      directory: this.#mirror,
      signal,
      limit: bytes + entries.length * 100 + MIB,
      input: entries.map(({ object }) => `${object}\n`).join(''),
    });
    const problems = [...listing.problems, ...(await writeTree({ directory: work, listing, objects, signal }))];
    await this.#local(['gc', '--auto', '--quiet'], signal);
    return { directory: work, problems, dispose };
  }

  /** Makes the mirror anew where the last one may be damaged: it holds one commit only. Asking and fetching may want it at the same time. */
  async #prepare(signal: AbortSignal): Promise<void> {
    this.#ready ??= this.#make(signal).catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  /** A bare repository without templates, so without hooks. */
  async #make(signal: AbortSignal): Promise<void> {
    await fs.rm(this.#mirror, { recursive: true, force: true });
    await fs.mkdir(this.#mirror, { recursive: true, mode: 0o700 });
    await gitText(this.#settings, { directory: this.#mirror, args: ['init', '--quiet', '--bare', '--template='], signal, limit: MIB });
  }

  async #local(args: readonly string[], signal: AbortSignal): Promise<string> {
    return gitText(this.#settings, { directory: this.#mirror, args, signal, limit: 64 * MIB });
  }

  async #guardSize(tooLarge: AbortController): Promise<void> {
    const names = await fs.readdir(join(this.#mirror, 'objects', 'pack')).catch(() => []);
    const sizes = await Promise.all(
      names.map((name) =>
        fs.stat(join(this.#mirror, 'objects', 'pack', name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    );
    if (sizes.reduce((sum, size) => sum + size, 0) > (this.#options.mirrorLimit ?? 1024 * MIB)) tooLarge.abort();
  }

  /** Turns what Git says into a StageError; an abort by the caller stays an abort. */
  async #failing<T>(stage: 'resolve' | 'fetch', signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (stage === 'fetch') this.#ready = undefined;
      signal.throwIfAborted();
      if (error instanceof StageError) throw error;
      const code = error instanceof GitFailure && error.tooMuch ? 'repository-too-large' : 'repository-unreachable';
      throw new StageError(stage, `the repository ${this.url} can't be read: ${reasonOf(error)}`, { cause: error, code });
    }
  }

  #refused(problem: Problem): ExportedTree {
    return { directory: this.#work, problems: [problem], dispose: () => this.close() };
  }

  #refNotFound(): Problem {
    const { ref } = this.#options;
    const message =
      ref === undefined
        ? `${this.url} has no default branch with a commit`
        : `${this.url} has no ${isCommitHash(ref) ? 'commit' : 'branch or tag called'} ${JSON.stringify(ref)}`;
    return { code: 'ref-not-found', severity: 'error', place: {}, message, hint: 'push it, or give another --ref' };
  }

  #pathNotFound(commit: string): Problem {
    const message = `commit ${shortCommit(commit)} has no folder ${JSON.stringify(this.#options.path)}`;
    return { code: 'path-not-found', severity: 'error', place: {}, message, hint: 'push it, or give another --path' };
  }
}

function tooLarge({ message }: StageError): Problem {
  return {
    code: 'repository-too-large',
    severity: 'error',
    place: {},
    message,
    hint: 'keep the policies in a repository of their own',
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'it did not answer in time';
  const text = plain(error instanceof Error ? error.message : String(error));
  // Git's own words for both are about a terminal that isn't there.
  return /Authentication failed|could not read (Username|Password)/.test(text) ? 'its credentials are missing or wrong' : text;
}
