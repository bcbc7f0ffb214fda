/**
 * Delivers policies as a Flux ExternalArtifact: a file that Flux fetches from us, and an object that says so. Flux applies it.
 *
 * The file is stored first, then the object names it, then older files go: Flux never finds less than what the object says. What was delivered
 * last is read from the file that the object names.
 */
import type { ApiObject, ApiObjectName } from '../../api-object.ts';
import type { Delivery, Desired, Existing, PlannedPolicy, Refusals, Revision } from '../../delivery.ts';
import { plain, shortCommit } from '../../describe.ts';
import {
  artifactFailed,
  artifactName,
  artifactReady,
  externalArtifact,
  fluxRevision,
  isArtifactOf,
  isOwnedBy,
  publishedIn,
  saysTheSame,
} from '../../external-artifact.ts';
import type { ArtifactFailure, ArtifactOwner, Published } from '../../external-artifact.ts';
import type { Clock, ObjectWriter } from '../../ports.ts';
import { collisions, EMPTY_FOLDER, folderFault, renderFolder, surveyFolder } from '../../rendered.ts';
import type { Rendered, RenderedFolder } from '../../rendered.ts';
import { StageError } from '../../stage-error.ts';
import { errorCode } from '../standalone/atomic.ts';
import type { ArtifactStore } from './store.ts';
import { packFiles, unpackFiles } from './tar.ts';

/** What Flux unpacks at most. */
const MAX_ARTIFACT = 100 * 1024 * 1024;

export interface FluxArtifactOptions {
  readonly source: ArtifactOwner;
  /** Of the ExternalArtifact. */
  readonly artifactName: string;
  /** Folder of the program in the source's repository. */
  readonly programPath: string;
  /** The reference that is followed, as Flux shows it before the commit: `main`. */
  readonly ref?: string;
  /** Where the store is served, as Flux reaches it. */
  readonly baseUrl: string;
  /** Opened. */
  readonly store: ArtifactStore;
  readonly objects: ObjectWriter;
  readonly clock: Pick<Clock, 'now'>;
}

interface State {
  readonly object: ApiObject | undefined;
  readonly published: Published | undefined;
  readonly folder: RenderedFolder;
  /** The object names a file that is not there any more. */
  readonly lost: boolean;
}

export class FluxArtifact implements Delivery {
  readonly #options: FluxArtifactOptions;
  readonly #name: ApiObjectName;

  constructor(options: FluxArtifactOptions) {
    this.#options = options;
    this.#name = artifactName(options.source, options.artifactName);
  }

  async survey(wanted: readonly Desired[], signal: AbortSignal): Promise<readonly Existing[]> {
    return this.#failing(async () => surveyFolder((await this.#read(signal)).folder, wanted));
  }

  /** An artifact takes any policy: whether the cluster does, Flux will tell. */
  tryOut(policies: readonly PlannedPolicy[]): Promise<Refusals> {
    return Promise.resolve(collisions(EMPTY_FOLDER, policies));
  }

  async carryOut(revision: Revision, signal: AbortSignal): Promise<Refusals> {
    return this.#failing(async () => {
      const state = await this.#read(signal);
      const rendered = renderFolder(state.folder, revision, this.#owner);
      if (rendered === undefined) return new Map();
      this.#guardLost(state, revision, rendered);
      const object = await this.#owned(state.object, signal);
      await this.#publish({ object, revision, rendered }, signal);
      return rendered.refusals;
    });
  }

  /** Tells Flux's users why there is nothing newer; what was to be had stays. */
  async fail(reason: ArtifactFailure, message: string, signal: AbortSignal): Promise<void> {
    await this.#failing(async () => {
      const before = (await this.#read(signal)).object;
      if (before === undefined) return;
      await this.#apply(before, artifactFailed({ reason, message }, { before, now: this.#options.clock.now() }), signal);
    });
  }

  get #what(): string {
    return `the ExternalArtifact ${this.#name.namespace}/${this.#name.name}`;
  }

  get #owner(): { readonly owner: string; readonly path: string } {
    const { source, programPath } = this.#options;
    return { owner: `${source.namespace}/${source.name}`, path: programPath };
  }

  async #read(signal: AbortSignal): Promise<State> {
    const { objects, source, store } = this.#options;
    const object = await objects.read(this.#name, signal);
    if (object !== undefined && !isArtifactOf(object, source)) throw notOurs(`${this.#what} is of another source, so it is left alone`);
    const published = publishedIn(object);
    const bytes = published === undefined ? undefined : await store.read(this.#name, published.digest);
    if (bytes === undefined) return { object, published, folder: EMPTY_FOLDER, lost: published !== undefined };
    const folder = { files: await unpackFiles(bytes, MAX_ARTIFACT), others: new Set<string>() };
    const fault = folderFault(folder, this.#owner);
    if (fault !== undefined) throw notOurs(`the file of ${this.#what} is left alone: ${fault}`);
    return { object, published, folder, lost: false };
  }

  async #owned(object: ApiObject | undefined, signal: AbortSignal): Promise<ApiObject> {
    const { objects, source } = this.#options;
    return object !== undefined && isOwnedBy(object, source)
      ? object
      : objects.apply(externalArtifact(source, this.#name.name), { signal });
  }

  /** Flux removes what an artifact no longer holds. Without the last one nobody knows what had to be kept in it. */
  #guardLost({ lost, published }: State, { policies, commit }: Revision, rendered: Rendered): void {
    if (!lost || published === undefined) return;
    const unmet = policies.filter(({ change }) => change === 'refused' || change === 'kept' || change === 'left').length;
    if (unmet === 0 && rendered.policies >= published.policies) return;
    const why = `the file of ${this.#what} with ${published.policies} policies is lost, and commit ${shortCommit(commit)} gives ${rendered.policies}`;
    throw new StageError(
      'target',
      `${why}: Flux would remove the others, so it gets nothing new; delete the ExternalArtifact to begin anew`,
      {
        retry: false,
      },
    );
  }

  async #publish(
    { object, revision, rendered }: { readonly object: ApiObject; readonly revision: Revision; readonly rendered: Rendered },
    signal: AbortSignal,
  ): Promise<void> {
    const { store, clock, ref, baseUrl } = this.#options;
    const bytes = await packFiles(rendered.files);
    if (bytes.length > MAX_ARTIFACT) throw new StageError('target', 'the policies are more than Flux unpacks', { retry: false });
    const artifact = await store.put(this.#name, bytes);
    const made = { artifact, revision: fluxRevision(ref, revision.commit), policies: rendered.policies, baseUrl };
    await this.#apply(object, artifactReady(made, { before: object, now: clock.now() }), signal);
    await store.tidy(this.#name, artifact.digest);
  }

  async #apply(before: ApiObject, after: ApiObject, signal: AbortSignal): Promise<void> {
    if (!saysTheSame(before, after)) await this.#options.objects.apply(after, { subresource: 'status', signal });
  }

  /** A disk that fails is the world's failure, and is said on the object, too, by whoever calls `fail`. */
  async #failing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof StageError || errorCode(error) === '') throw error;
      throw new StageError('target', `${this.#what} can't be stored: ${plain(errorCode(error))}`, { cause: error });
    }
  }
}

function notOurs(message: string): StageError {
  return new StageError('target', message, { retry: false, code: 'target-not-ours' });
}
