/** A JSON value in a ConfigMap of the reconciler's own namespace. Whoever leads writes it, and nobody else does. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import PQueue from 'p-queue';
import type { ApiObject, StoredObject } from '../../api-object.ts';
import { LABELS, NAME } from '../../install/part.ts';
import type { Store } from '../../ports.ts';
import { StageError } from '../../stage-error.ts';
import { parseJson } from '../standalone/atomic.ts';
import { ApiError, failureOf, noneIfMissing } from './answer.ts';
import { serverSideApply } from './apply.ts';
import type { Connection } from './connection.ts';
import { objectPath } from './kinds.ts';

export interface ConfigMapStoreOptions {
  readonly connection: Connection;
  /** The reconciler's own. */
  readonly namespace: string;
  /** What is stored, in a word that can be part of a name: `outbox`. */
  readonly kind: string;
  /** Which one of its kind, in any words: the name of a host, the uid of a source. */
  readonly key: string;
  /** Gives up whatever is read or written: from then on somebody else may lead. */
  readonly signal: AbortSignal;
  /** Milliseconds that reading or writing may take; 10,000 unless told. */
  readonly patience?: number;
}

/** Up to so many bytes of JSON people can read with kubectl; more is compressed. */
const READABLE_BYTES = 16 * 1024;
/** What Kubernetes takes at most for all values of a ConfigMap together. */
const MOST_BYTES = 1024 * 1024;
/** What is unpacked at most. */
const MOST_UNPACKED_BYTES = 64 * 1024 * 1024;
const PLAIN = 'value.json';
const PACKED = 'value.json.gz';
const PATIENCE = 10_000;

const pack = promisify(gzip);
const unpack = promisify(gunzip);

type Content = { readonly data: ApiObject } | { readonly binaryData: ApiObject };

export class ConfigMapStore implements Store {
  readonly #options: ConfigMapStoreOptions;
  readonly #name: string;
  /** One thing at a time, in the order in which they come. */
  readonly #queue = new PQueue({ concurrency: 1 });
  /** The version that was last read or written; `undefined` when there is none, or nobody has looked. */
  #version: string | undefined;

  constructor(options: ConfigMapStoreOptions) {
    this.#options = options;
    this.#name = `parapet-${options.kind}-${createHash('sha256').update(options.key).digest('hex').slice(0, 20)}`;
  }

  /** `undefined` when there is none, and when what is there is none of ours. Rejects with a StageError (`target`). */
  async load(): Promise<unknown> {
    return this.#inTurn('read', async (signal) => {
      const object = await this.#read(signal);
      return object === undefined ? undefined : valueOf(object);
    });
  }

  /** Rejects with a StageError (`target`); what was stored before then stays, as it does when the value is too large. */
  async save(value: unknown): Promise<void> {
    const text = JSON.stringify(value);
    await this.#inTurn('written', async (signal) => this.#write(await this.#contentOf(text), signal));
  }

  /** For when what it is about is no more. Rejects with a StageError (`target`). */
  async remove(): Promise<void> {
    await this.#inTurn('removed', async (signal) => {
      await this.#options.connection.ask({ method: 'DELETE', path: this.#path, signal }).catch(noneIfMissing);
      this.#version = undefined;
    });
  }

  get #path(): string {
    return objectPath({ apiVersion: 'v1', kind: 'ConfigMap', namespace: this.#options.namespace, name: this.#name });
  }

  async #read(signal: AbortSignal): Promise<StoredObject | undefined> {
    const object = await this.#options.connection.ask<StoredObject>({ method: 'GET', path: this.#path, signal }).catch(noneIfMissing);
    this.#version = object?.metadata.resourceVersion;
    return object;
  }

  /**
   * The version is a condition: a write that was given up and arrives all the same does not undo a later one. Where it is another, this write
   * is the one that counts, for we lead.
   */
  async #write(content: Content, signal: AbortSignal): Promise<void> {
    const { connection, namespace, kind, key } = this.#options;
    for (;;) {
      const metadata = {
        name: this.#name,
        namespace,
        ...(this.#version === undefined ? {} : { resourceVersion: this.#version }),
        labels: { ...LABELS, 'app.kubernetes.io/managed-by': NAME },
        annotations: { 'parapet.dev/about': `${kind} of ${key}` },
      };
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, ...content };
      try {
        const stored = await serverSideApply(connection, { path: this.#path, object, force: true, signal });
        this.#version = stored.metadata.resourceVersion;
        return;
      } catch (error) {
        const isOther = error instanceof ApiError && (error.code === 409 || error.code === 404);
        if (!isOther || this.#version === undefined) throw error;
        await this.#read(signal);
      }
    }
  }

  async #contentOf(text: string): Promise<Content> {
    const size = Buffer.byteLength(text);
    if (size <= READABLE_BYTES) return { data: { [PLAIN]: text } };
    if (size > MOST_UNPACKED_BYTES) throw this.#tooLarge(`${size} bytes`);
    const packed = await pack(text);
    if (packed.length > MOST_BYTES) throw this.#tooLarge(`${packed.length} bytes, compressed`);
    return { binaryData: { [PACKED]: packed.toString('base64') } };
  }

  #tooLarge(size: string): StageError {
    const { kind, key } = this.#options;
    return new StageError('target', `the ${kind} of ${key} is too large for a ConfigMap (${size})`, { retry: false });
  }

  #inTurn<T>(done: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { namespace, signal, patience = PATIENCE } = this.#options;
    return this.#queue.add(async () => {
      const late = AbortSignal.timeout(patience);
      const what = `the ConfigMap ${namespace}/${this.#name} can't be ${done}`;
      try {
        return await work(AbortSignal.any([signal, late]));
      } catch (error) {
        signal.throwIfAborted();
        throw late.aborted
          ? new StageError('target', `${what}: no answer came in time`, { cause: error })
          : failureOf('target', what, error);
      }
    });
  }
}

async function valueOf({ data, binaryData }: StoredObject): Promise<unknown> {
  const plain = textOf(data, PLAIN);
  if (plain !== undefined) return parseJson(plain);
  const packed = Buffer.from(textOf(binaryData, PACKED) ?? '', 'base64');
  const text = await unpack(packed, { maxOutputLength: MOST_UNPACKED_BYTES }).catch(() => undefined);
  return text === undefined ? undefined : parseJson(text.toString());
}

function textOf(values: unknown, key: string): string | undefined {
  const value = typeof values === 'object' && values !== null ? (values as ApiObject)[key] : undefined;
  return typeof value === 'string' ? value : undefined;
}
