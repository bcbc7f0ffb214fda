/**
 * Delivers policies as YAML on a branch, for Argo CD or Flux. Only one folder of the branch is ours, and of it only what its index names.
 *
 * The branch itself is all the state there is: each run reads it, and one push that holds only if nobody was faster is the moment of truth. The
 * same revision on the same branch gives the same commit, down to its hash.
 */
import type { Delivery, Desired, Existing, PlannedPolicy, Refusals, Revision } from '../delivery.ts';
import { plain } from '../describe.ts';
import { commitMessage } from '../fast-import.ts';
import type { Author } from '../fast-import.ts';
import { collisions, EMPTY_FOLDER, folderFault, indexOf, namesOfInterest, renderFolder, surveyFolder } from '../rendered.ts';
import type { Rendered, RenderedFolder } from '../rendered.ts';
import { INDEX_FILE } from '../rendered-index.ts';
import { StageError } from '../stage-error.ts';
import { BranchRepository } from './branch-repository.ts';
import type { BranchOptions } from './branch-repository.ts';
import { GitFailure } from './git/command.ts';

const MAX_FILE = 2 * 1024 * 1024;
const MAX_INDEX = 64 * 1024 * 1024;
/** How often a push is tried again when the branch has moved meanwhile. */
const RETRIES = 3;
const AUTHOR: Author = { name: 'Parapet', email: 'parapet@localhost' };

export interface RenderedBranchOptions extends BranchOptions {
  /** Folder of the branch that is ours, relative and normalized; `.` is all of it. */
  readonly path: string;
  /** `namespace/name` of the PolicySource. */
  readonly owner: string;
  /** Folder of the program in the source's repository. */
  readonly programPath: string;
  /** When a commit of the source was made, in seconds since the epoch: rendered commits bear its date, and so depend on nothing else. */
  committedAt(commit: string, signal: AbortSignal): Promise<number>;
  readonly author?: Author;
  /** Longest time for one survey or one delivery, in milliseconds; 120,000 unless told. */
  readonly patience?: number;
}

interface State {
  readonly head: string | undefined;
  readonly folder: RenderedFolder;
}

export class RenderedBranch implements Delivery {
  readonly #options: RenderedBranchOptions;
  readonly #repository: BranchRepository;
  /** As it was last read: what a plan was made from. */
  #surveyed: RenderedFolder = EMPTY_FOLDER;

  constructor(options: RenderedBranchOptions) {
    this.#options = options;
    this.#repository = new BranchRepository(options);
  }

  async survey(wanted: readonly Desired[], signal: AbortSignal): Promise<readonly Existing[]> {
    return this.#failing('read', signal, async (limited) => {
      this.#surveyed = (await this.#read(wanted, limited)).folder;
      return surveyFolder(this.#surveyed, wanted);
    });
  }

  tryOut(policies: readonly PlannedPolicy[]): Promise<Refusals> {
    return Promise.resolve(collisions(this.#surveyed, policies));
  }

  async carryOut(revision: Revision, signal: AbortSignal): Promise<Refusals> {
    return this.#failing('written', signal, async (limited) => {
      for (let attempt = 0; ; attempt += 1) {
        const state = await this.#read(revision.policies, limited);
        const rendered = renderFolder(state.folder, revision, { owner: this.#options.owner, path: this.#options.programPath });
        if (rendered === undefined) return collisions(state.folder, revision.policies);
        const result = await this.#publish({ state, rendered, revision }, limited);
        if (result !== 'moved') return rendered.refusals;
        if (attempt === RETRIES) throw new StageError('target', `others keep writing to ${this.#what}: it moved ${attempt + 1} times`);
      }
    });
  }

  async close(): Promise<void> {
    await this.#repository.close();
  }

  get #what(): string {
    return `the branch ${JSON.stringify(plain(this.#options.branch))} of ${this.#options.url}`;
  }

  /** The branch and our folder of it. Rejects where the folder isn't ours to write to. */
  async #read(wanted: readonly PlannedPolicy[] | readonly Desired[], signal: AbortSignal): Promise<State> {
    const head = await this.#repository.fetch(signal);
    const folder = head === undefined ? EMPTY_FOLDER : await this.#folder(head, wanted, signal);
    const fault = folderFault(folder, this.#options);
    if (fault === undefined) return { head, folder };
    throw this.#notOurs(`the folder ${JSON.stringify(this.#options.path)} of ${this.#what} is left alone: ${fault}`);
  }

  async #folder(head: string, wanted: readonly PlannedPolicy[] | readonly Desired[], signal: AbortSignal): Promise<RenderedFolder> {
    const { path } = this.#options;
    const obstacle = await this.#repository.obstacle(head, path, signal);
    if (obstacle !== undefined) throw this.#notOurs(`${JSON.stringify(obstacle)} of ${this.#what} is not a folder`);
    const entries = await this.#repository.list(head, path, signal);
    const fits = (limit: number) => entries.filter(({ type, size }) => type === 'blob' && size <= limit);
    const indexFile = fits(MAX_INDEX).filter(({ name }) => name === INDEX_FILE);
    const index = await this.#repository.read(indexFile, signal);
    const names = namesOfInterest(indexOf({ files: index, others: new Set() }), wanted);
    const rest = fits(MAX_FILE).filter(({ name }) => name !== INDEX_FILE && names.has(name));
    const files = new Map([...index, ...(await this.#repository.read(rest, signal))]);
    return { files, others: new Set(entries.map(({ name }) => name).filter((name) => !files.has(name))) };
  }

  async #publish(
    { state, rendered, revision }: { readonly state: State; readonly rendered: Rendered; readonly revision: Revision },
    signal: AbortSignal,
  ): Promise<'unchanged' | 'pushed' | 'moved'> {
    const { folder, head } = state;
    const changed = rendered.files.filter(({ file, content }) => folder.files.get(file) !== content);
    if (changed.length === 0 && rendered.removed.length === 0) return 'unchanged';
    const commit = await this.#repository.commit(
      {
        parent: head,
        author: this.#options.author ?? AUTHOR,
        time: await this.#options.committedAt(revision.commit, signal),
        message: commitMessage(revision),
        path: this.#options.path,
        changed,
        removed: rendered.removed,
      },
      signal,
    );
    return this.#repository.push(commit, head, signal);
  }

  #notOurs(message: string): StageError {
    return new StageError('target', message, { retry: false, code: 'target-not-ours' });
  }

  /** Turns what Git says into a StageError; an abort by the caller stays an abort. */
  async #failing<T>(what: 'read' | 'written', signal: AbortSignal, work: (limited: AbortSignal) => Promise<T>): Promise<T> {
    const timeout = AbortSignal.timeout(this.#options.patience ?? 120_000);
    try {
      return await work(AbortSignal.any([signal, timeout]));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof StageError) throw error;
      const why = timeout.aborted ? 'it did not answer in time' : plain(error instanceof Error ? error.message : String(error));
      const code = error instanceof GitFailure && error.tooMuch ? 'repository-too-large' : 'repository-unreachable';
      throw new StageError('target', `${this.#what} can't be ${what}: ${why}`, { cause: error, code });
    }
  }
}
