/** A Git repository as a source of commits: asked cheaply, fetched shallowly into a bare mirror, written out by us and not by Git. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { Problem } from '@parapet/policy';
import { IGNORE_FILE, IGNORE_LIMITS } from '../git-ignore.ts';
import { findRef, listingArgs, PULL_REQUESTS, readPullRequests, refNames, revisionOf } from '../git-ref.ts';
import type { AskedRef, FoundRef } from '../git-ref.ts';
import type { Signers } from '../git-signature.ts';
import { contentOf, topFile, TREE_LIMITS } from '../git-tree.ts';
import type { TreeLimits } from '../git-tree.ts';
import type { ExportedTree, PullRequest, Resolved, Source } from '../ports.ts';
import type { Verification } from '../source-spec.ts';
import { isRefName } from '../source-url.ts';
import { StageError } from '../stage-error.ts';
import { GitAccess } from './git/access.ts';
import type { CredentialsReader } from './git/access.ts';
import { GitFailure, gitText } from './git/command.ts';
import type { GitSettings } from './git/command.ts';
import { noCommit, pathNotFound, refNotFound, stageError, tooLarge } from './git/failures.ts';
import { readTreeWithout } from './git/ignored.ts';
import { Mirror } from './git/mirror.ts';
import { openPlace, WORK } from './git/place.ts';
import { Signatures } from './git/signatures.ts';
import { writeTree } from './git/write.ts';

const MIB = 1024 * 1024;
/** Bytes of references: some hundred thousand of them. */
const MOST_LISTED = 32 * MIB;

export interface GitSourceOptions {
  /** Without credentials, as `readSourceUrl` gives it. */
  readonly url: string;
  readonly ref: AskedRef;
  /** Folder in the repository, relative and normalized; `.` is all of it. */
  readonly path: string;
  /** A directory of our own, for the mirror and the files of the commits at hand. */
  readonly directory: string;
  /** What Git may know of our environment: `PATH`, proxies, certificates, the ssh agent. */
  readonly environment: Readonly<Record<string, string>>;
  readonly credentials: CredentialsReader;
  /** What must be signed, and by whom. */
  readonly verify?: { readonly mode: Verification['mode']; readonly signers: Signers };
  /** Lines as in `.gitignore`, besides those of a `.parapetignore` in the folder. */
  readonly ignore?: string;
  /** Longest time for asking and for fetching, in milliseconds. */
  readonly patience?: { readonly resolve: number; readonly fetch: number };
  /** Most bytes that one fetch may bring; 1 GiB unless told. */
  readonly mirrorLimit?: number;
  readonly treeLimits?: TreeLimits;
}

/** A commit in the mirror. */
interface Here {
  readonly commit: string;
  /** What the reference points to: the commit, or a tag. */
  readonly object: string;
  /** Full name of the reference in the repository; absent for a commit by its hash. */
  readonly name?: string;
}

/** What is to be fetched. */
interface Target {
  /** Full name of a reference, or a commit. */
  readonly fetch: string;
  /** Where the mirror keeps it. */
  readonly to: string;
  readonly name?: string;
}

/** One call from outside: `signal` is the caller's, `limited` ends with its patience too. */
interface Call {
  readonly signal: AbortSignal;
  readonly limited: AbortSignal;
  readonly pullRequest?: PullRequest | undefined;
}

export class GitSource implements Source {
  readonly url: string;
  readonly #options: GitSourceOptions;
  readonly #settings: GitSettings;
  readonly #patience: { readonly resolve: number; readonly fetch: number };
  readonly #access: GitAccess;
  readonly #mirror: Mirror;
  readonly #signatures: Signatures | undefined;
  readonly #closing = new AbortController();
  readonly #work = new Set<string>();
  /** The directory, once it is ours; forgotten when that fails. */
  #opened: Promise<void> | undefined;
  /** What the repository answered last. */
  #seen: FoundRef | undefined;
  /** What was fetched last. */
  #here: Here | undefined;

  constructor(options: GitSourceOptions) {
    const { url, directory, environment, credentials, verify } = options;
    this.url = url;
    this.#options = options;
    this.#settings = { environment, protocol: new URL(url).protocol.replace(':', ''), home: directory };
    this.#patience = options.patience ?? { resolve: 20_000, fetch: 120_000 };
    this.#access = new GitAccess({ url, directory, credentials });
    this.#mirror = new Mirror({ url, directory, settings: this.#settings, limit: options.mirrorLimit ?? 1024 * MIB });
    const parts = { directory, settings: this.#settings, mirror: this.#mirror, now: Date.now };
    this.#signatures = verify === undefined ? undefined : new Signatures({ ...verify, ...parts });
  }

  async resolve(signal: AbortSignal): Promise<Resolved> {
    const { ref } = this.#options;
    if (ref.kind === 'commit') return { commit: ref.value, revision: revisionOf(ref, { commit: ref.value }) };
    const call = this.#call('resolve', signal);
    const found = await this.#failing('resolve', call, async () => this.#lookUp(call.limited));
    if (found === undefined) return { problems: [refNotFound(this.url, ref)] };
    return { commit: found.commit, revision: revisionOf(ref, found), ref: found.name };
  }

  async pullRequests(limit: number, signal: AbortSignal): Promise<readonly PullRequest[]> {
    const call = this.#call('resolve', signal);
    return this.#failing('resolve', call, async () => readPullRequests(await this.#list([], PULL_REQUESTS, call.limited), limit));
  }

  async export(commit: string, signal: AbortSignal, pullRequest?: PullRequest): Promise<ExportedTree | { readonly moved: string }> {
    const call = { ...this.#call('fetch', signal), pullRequest };
    const release = this.#mirror.hold();
    try {
      return await this.#failing('fetch', call, async () => {
        await this.#open();
        return this.#attempt(commit, call);
      });
    } catch (error) {
      // Not the world's doing, and no better the next time.
      if (error instanceof StageError && error.code === 'repository-too-large') return this.#refused(tooLarge(error));
      throw error;
    } finally {
      release();
      void this.#mirror.tidy(this.#closing.signal).catch(() => undefined);
    }
  }

  /** When a commit that was exported was made, in seconds since the epoch. Rejects with Git's failures. */
  readonly committedAt = (commit: string, signal: AbortSignal): Promise<number> => this.#mirror.committedAt(commit, signal);

  async close(): Promise<void> {
    this.#closing.abort();
    const works = [...this.#work].map(async (work) => fs.rm(work, { recursive: true, force: true }));
    await Promise.all([this.#signatures?.close(), ...works]);
  }

  #call(stage: 'resolve' | 'fetch', signal: AbortSignal): Call {
    return { signal, limited: AbortSignal.any([signal, this.#closing.signal, AbortSignal.timeout(this.#patience[stage])]) };
  }

  /** The reference's full name and where it points, peeled. */
  async #lookUp(limited: AbortSignal): Promise<FoundRef | undefined> {
    const { options, patterns } = listingArgs(this.#options.ref);
    this.#seen = findRef(this.#options.ref, await this.#list(options, patterns, limited));
    return this.#seen;
  }

  async #list(options: readonly string[], patterns: readonly string[], signal: AbortSignal): Promise<string> {
    await this.#open();
    const args = ['ls-remote', ...options, '--', this.url, ...patterns];
    const call = { directory: this.#options.directory, args, signal, limit: MOST_LISTED };
    return this.#access.use(signal, async (extras) => gitText(this.#settings, { ...call, extras }));
  }

  /** Once more from the beginning where the mirror may be why it fails. */
  async #attempt(commit: string, call: Call): Promise<ExportedTree | { readonly moved: string }> {
    const target = await this.#target(commit, call);
    const here = target === undefined ? undefined : await this.#bring(commit, target, call);
    if (here === undefined) return this.#refused(refNotFound(this.url, this.#options.ref));
    try {
      const now = here.object === commit ? commit : await this.#peel(here, call);
      if (now !== commit) return { moved: now };
      if (call.pullRequest === undefined) this.#here = here;
      return await this.#writeOut(here, call);
    } catch (error) {
      if (!(error instanceof GitFailure) || error.tooMuch) throw error;
      if (this.#mirror.mayBeDamaged) {
        this.#here = undefined;
        await this.#mirror.remake(call.limited);
        return this.#attempt(commit, call);
      }
      // A tag can be one of a single file.
      const peeled = await this.#peel(here, call).catch(() => undefined);
      if (peeled === undefined) return this.#refused(noCommit(this.url, this.#options.ref));
      throw error;
    }
  }

  async #peel({ object }: Here, { limited }: Call): Promise<string> {
    return (await this.#mirror.read(['rev-parse', '--verify', `${object}^{commit}`], limited)).trim();
  }

  /** What to fetch; asks only where the name depends on what is there. */
  async #target(commit: string, { pullRequest, limited }: Call): Promise<Target | undefined> {
    const { ref } = this.#options;
    if (pullRequest !== undefined) {
      // The host says which, and where it has no such references it is a branch.
      const { number, ref: name } = pullRequest;
      const isSafe = name.startsWith('refs/') && isRefName(name) && Number.isSafeInteger(number) && number >= 0;
      return isSafe ? { fetch: name, to: `refs/parapet/pull/${number}`, name } : undefined;
    }
    const to = 'refs/parapet/head';
    if (ref.kind === 'commit') return { fetch: ref.value, to };
    const [name, ...others] = refNames(ref);
    if (name !== undefined && others.length === 0) return { fetch: name, to, name };
    const found = this.#seen?.commit === commit ? this.#seen : await this.#lookUp(limited);
    return found === undefined ? undefined : { fetch: found.name, to, name: found.name };
  }

  /** Fetches, unless the repository has just said that what is here is the newest. */
  async #bring(commit: string, target: Target, { limited, pullRequest }: Call): Promise<Here | undefined> {
    const known = this.#options.ref.kind === 'commit' || this.#seen?.commit === commit;
    const here = this.#here;
    if (pullRequest === undefined && known && here?.commit === commit && here.object === (await this.#mirror.at(target.to))) return here;
    const object = await this.#mirror.fetch({
      name: target.fetch,
      to: target.to,
      hash: commit.length,
      signal: limited,
      access: async (command) => this.#access.use(limited, command),
    });
    return object === undefined ? undefined : { commit, object, ...(target.name === undefined ? {} : { name: target.name }) };
  }

  async #writeOut(here: Here, { limited, pullRequest }: Call): Promise<ExportedTree> {
    const { commit, object, name } = here;
    const checked = pullRequest === undefined ? await this.#signatures?.check({ commit, name, object, signal: limited }) : undefined;
    if (checked !== undefined && 'problem' in checked) return this.#refused(checked.problem);
    const signed = checked === undefined ? {} : { signedBy: checked.signedBy };
    const listing = await this.#listFiles(commit, limited);
    if (listing === undefined) return this.#refused(pathNotFound(commit, this.#options.path));
    const tree = readTreeWithout(listing, this.#options.treeLimits ?? TREE_LIMITS, await this.#ignoreTexts(listing, limited));
    if (tree.problems.some(({ severity }) => severity === 'error')) return this.#refused(...tree.problems);
    const entries = [...tree.files, ...tree.links];
    const bytes = entries.reduce((sum, { size }) => sum + size, 0);
    const limit = bytes + entries.length * 100 + MIB;
    const objects = await this.#mirror.objects({ ids: entries.map(({ object: id }) => id), limit, signal: limited });
    const directory = await fs.mkdtemp(join(this.#options.directory, WORK));
    this.#work.add(directory);
    const dispose = async (): Promise<void> => {
      await fs.rm(directory, { recursive: true, force: true });
      this.#work.delete(directory);
    };
    try {
      const problems = [...tree.problems, ...(await writeTree({ directory, listing: tree, objects, signal: limited }))];
      return { directory, problems, content: contentOf(tree), ...signed, dispose };
    } catch (error) {
      await dispose();
      throw error;
    }
  }

  /** `git ls-tree` of the folder; `undefined` when the commit has none of that name. */
  async #listFiles(commit: string, signal: AbortSignal): Promise<string | undefined> {
    const { path } = this.#options;
    const folder = path === '.' ? commit : `${commit}:${path}`;
    try {
      return await this.#mirror.read(['ls-tree', '-r', '-z', '--long', '--full-tree', folder], signal);
    } catch (error) {
      if (!(error instanceof GitFailure) || error.tooMuch || path === '.' || !(await this.#mirror.isIntact(signal))) throw error;
      return undefined;
    }
  }

  /** What the repository wants left out, then what the source does. */
  async #ignoreTexts(listing: string, signal: AbortSignal): Promise<readonly string[]> {
    const { ignore = '' } = this.#options;
    const file = topFile(listing, IGNORE_FILE);
    if (file === undefined) return [ignore];
    // One that is too long is refused by its length: its content does not matter.
    if (file.size > IGNORE_LIMITS.bytes) return ['\n'.repeat(IGNORE_LIMITS.lines + 1) + '*', ignore];
    const objects = await this.#mirror.objects({ ids: [file.object], limit: file.size + MIB, signal });
    return [objects.subarray(objects.indexOf('\n') + 1).toString('utf8'), ignore];
  }

  /** Makes the directory ours, without what a crash left and without mirrors of other addresses. */
  async #open(): Promise<void> {
    this.#opened ??= openPlace(this.#options.directory, this.#mirror.path).catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  /** Turns what Git says into a StageError; an abort by the caller stays an abort. */
  async #failing<T>(stage: 'resolve' | 'fetch', { signal }: Call, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      throw stageError(stage, this.url, error);
    }
  }

  /** Nothing is on disk. */
  #refused(...problems: readonly Problem[]): ExportedTree {
    return { directory: join(this.#options.directory, 'nothing'), problems, dispose: () => Promise.resolve() };
  }
}
