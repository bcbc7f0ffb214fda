/** PolicySources in the API server: watched, and the few things that are written on them. */
import { REPORT_API_VERSION } from '@parapet/policy';
import type { StoredMetadata, StoredObject } from '../../api-object.ts';
import { readSourceObject } from '../../source-object.ts';
import type { ReadSource, SourceIdentity } from '../../source-object.ts';
import { readSourceStatus } from '../../source-status-object.ts';
import type { SourceStatus } from '../../source-status.ts';
import { ApiError, failureOf } from './answer.ts';
import { FIELD_MANAGER, serverSideApply } from './apply.ts';
import type { Connection } from './connection.ts';
import { sourcePath, SOURCES_PATH } from './kinds.ts';
import { keyOf, watchObjects } from './watch.ts';

/** Holds a deleted source until its policies are dealt with. */
export const FINALIZER = 'parapet.dev/finalizer';

/** Times that a write is tried because somebody else was faster. */
const ATTEMPTS = 20;

/** One very object: not another one of the same name, made after it was deleted. */
export type SourceRef = Pick<SourceIdentity, 'namespace' | 'name' | 'uid'>;

export interface WatchedSource {
  /** `namespace/name` */
  readonly key: string;
  readonly source: ReadSource;
  readonly status: SourceStatus;
}

/** As those of `watchObjects`. */
export interface SourceHandlers {
  /** Also for what changes nothing but the status. */
  readonly onSource: (source: WatchedSource) => void;
  readonly onGone: (key: string) => void;
  readonly onSynced: () => void;
  readonly onBroken?: (why: string) => void;
}

export interface SourceObjectsOptions {
  readonly connection: Connection;
  /** Milliseconds between lists, as `watchObjects` has it unless told. */
  readonly relist?: number;
}

/** Writing resolves to false where the object is gone, or another one by now: there is nothing left to do. */
export class SourceObjects {
  readonly #options: SourceObjectsOptions;

  constructor(options: SourceObjectsOptions) {
    this.#options = options;
  }

  /** Watches until the signal is aborted; never rejects but for a bug. */
  watch(handlers: SourceHandlers, signal: AbortSignal): Promise<void> {
    const onObject = (object: StoredObject): void => {
      const status = readSourceStatus(object['status']);
      handlers.onSource({ key: keyOf(object.metadata), source: readSourceObject(object), status });
    };
    return watchObjects({ ...this.#options, path: SOURCES_PATH }, { ...handlers, onObject }, signal);
  }

  /** Writes the whole status that is ours, and no more than that. Rejects with a StageError (`target`). */
  writeStatus(ref: SourceRef, status: SourceStatus, signal: AbortSignal): Promise<boolean> {
    const { namespace, name } = ref;
    return this.#onVersion(ref, signal, async ({ resourceVersion }) => {
      const metadata = { namespace, name, resourceVersion };
      const object = { apiVersion: REPORT_API_VERSION, kind: 'PolicySource', metadata, status };
      // A definition of an older version may lack a field: the rest is worth writing.
      const application = { path: `${sourcePath(ref)}/status`, object, force: true, fieldValidation: 'Ignore', signal } as const;
      await serverSideApply(this.#options.connection, application);
      return true;
    });
  }

  /** False also where the object is being deleted: nobody would wait for it any more. Rejects with a StageError (`target`). */
  addFinalizer(ref: SourceRef, signal: AbortSignal): Promise<boolean> {
    return this.#change(ref, signal, ({ finalizers = [], deletionTimestamp }) => {
      if (finalizers.includes(FINALIZER)) return {};
      return deletionTimestamp === undefined ? { finalizers: [...finalizers, FINALIZER] } : undefined;
    });
  }

  /** The object goes when nobody else holds it. Rejects with a StageError (`target`). */
  removeFinalizer(ref: SourceRef, signal: AbortSignal): Promise<boolean> {
    return this.#change(ref, signal, ({ finalizers = [] }) =>
      finalizers.includes(FINALIZER) ? { finalizers: finalizers.filter((one) => one !== FINALIZER) } : {},
    );
  }

  /** Adds annotations, or gives them other values. Rejects with a StageError (`target`). */
  annotate(ref: SourceRef, annotations: Readonly<Record<string, string>>, signal: AbortSignal): Promise<boolean> {
    return this.#change(ref, signal, (metadata) => {
      const changed = Object.entries(annotations).filter(([key, value]) => metadata.annotations?.[key] !== value);
      return changed.length === 0 ? {} : { annotations: Object.fromEntries(changed) };
    });
  }

  /** `change` gives the fields that become others: none, and nothing is written; `undefined` is a refusal. */
  #change(
    ref: SourceRef,
    signal: AbortSignal,
    change: (metadata: StoredMetadata) => Partial<StoredMetadata> | undefined,
  ): Promise<boolean> {
    return this.#onVersion(ref, signal, async (metadata) => {
      const fields = change(metadata);
      if (fields === undefined || Object.keys(fields).length === 0) return fields !== undefined;
      const body = { metadata: { ...fields, resourceVersion: metadata.resourceVersion } };
      const query = { fieldManager: FIELD_MANAGER };
      const asked = { method: 'PATCH', path: sourcePath(ref), query, contentType: 'application/merge-patch+json', body, signal } as const;
      await this.#options.connection.ask(asked);
      return true;
    });
  }

  /**
   * Writes on the very version that was looked at, anew as often as somebody else was faster. The uid alone would not do: the server does not
   * compare it where a status is written.
   */
  async #onVersion(ref: SourceRef, signal: AbortSignal, write: (metadata: StoredMetadata) => Promise<boolean>): Promise<boolean> {
    const path = sourcePath(ref);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const found = await this.#options.connection.ask<StoredObject>({ method: 'GET', path, signal });
        return found.metadata.uid === ref.uid && (await write(found.metadata));
      } catch (error) {
        if (error instanceof ApiError && error.code === 404) return false;
        if (error instanceof ApiError && error.code === 409 && attempt < ATTEMPTS) continue;
        throw failureOf('target', `the PolicySource ${ref.namespace}/${ref.name} can't be written`, error);
      }
    }
  }
}
