/** Secrets of the cluster, by name only: what they hold is kept for moments, and is in no error. */
import type { StoredObject } from '../../api-object.ts';
import type { SecretData } from '../../git-secret.ts';
import { StageError } from '../../stage-error.ts';
import { ApiError } from './answer.ts';
import type { Connection } from './connection.ts';
import { objectPath } from './kinds.ts';

export interface SecretRef {
  readonly namespace: string;
  readonly name: string;
}

export interface SecretReaderOptions {
  readonly connection: Connection;
  /** Gets every value that is read, before anybody else: for a log that has to keep it out. */
  readonly redact?: (values: readonly string[]) => void;
  /** Milliseconds for which the server's answer counts, a refusal too; 10,000 unless told. */
  readonly fresh?: number;
  /** Milliseconds from any moment on; never goes back. */
  readonly now?: () => number;
}

const FRESH = 10_000;
/** Milliseconds that one request may take. */
const PATIENCE = 10_000;
/** Milliseconds after which a Secret that nobody asks for is forgotten. */
const UNUSED = 600_000;

interface Known {
  /** The one request at work. */
  reading: Promise<SecretData> | undefined;
  /** The server's last answer. That it did not answer is none. */
  answer: { readonly said: SecretData | StageError; readonly at: number } | undefined;
  /** What it held when it was last read well; `undefined` once the server says that it is not to be had. */
  value: SecretData | undefined;
  usedAt: number;
}

export class SecretReader {
  readonly #options: SecretReaderOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: SecretReaderOptions) {
    this.#options = options;
  }

  /**
   * Its data, decoded; keys whose values are no text are left out. Many who ask at once share one request, which the signal does not end for the
   * others. Rejects with a StageError (`secret`) that names the Secret, and with the signal's reason.
   */
  async read(ref: SecretRef, signal: AbortSignal): Promise<SecretData> {
    signal.throwIfAborted();
    const known = this.#of(ref);
    const { answer } = known;
    if (answer !== undefined && this.#isFresh(answer)) {
      if (answer.said instanceof StageError) throw answer.said;
      return answer.said;
    }
    return orAborted(this.#ask(ref, known), signal);
  }

  /**
   * What it last held, at once, however long ago; `undefined` when that is not known, or it is no longer to be had. Has it read anew where that
   * is due, for whoever comes next.
   */
  cached(ref: SecretRef): SecretData | undefined {
    const known = this.#of(ref);
    if (known.answer === undefined || !this.#isFresh(known.answer)) void this.#ask(ref, known).catch(() => undefined);
    return known.value;
  }

  #now(): number {
    return (this.#options.now ?? performance.now.bind(performance))();
  }

  #isFresh({ at }: { readonly at: number }): boolean {
    return this.#now() - at < (this.#options.fresh ?? FRESH);
  }

  #of({ namespace, name }: SecretRef): Known {
    const key = `${namespace}/${name}`;
    const now = this.#now();
    const known = this.#known.get(key) ?? { reading: undefined, answer: undefined, value: undefined, usedAt: now };
    known.usedAt = now;
    // In the order of use, so that the unused ones come first.
    this.#known.delete(key);
    this.#known.set(key, known);
    for (const [other, { usedAt }] of this.#known) {
      if (now - usedAt < UNUSED) break;
      this.#known.delete(other);
    }
    return known;
  }

  #ask(ref: SecretRef, known: Known): Promise<SecretData> {
    known.reading ??= this.#get(ref)
      .then(
        (value) => {
          known.value = value;
          known.answer = { said: value, at: this.#now() };
          return value;
        },
        (error: unknown) => {
          if (error instanceof StageError && error.cause instanceof ApiError) {
            known.value = undefined;
            known.answer = { said: error, at: this.#now() };
          }
          throw error;
        },
      )
      .finally(() => (known.reading = undefined));
    return known.reading;
  }

  async #get(ref: SecretRef): Promise<SecretData> {
    const { connection, redact } = this.#options;
    const path = objectPath({ apiVersion: 'v1', kind: 'Secret', ...ref });
    const late = AbortSignal.timeout(PATIENCE);
    try {
      const { data } = await connection.ask<StoredObject>({ method: 'GET', path, signal: late });
      const values = decoded(data);
      redact?.(Object.values(values));
      return values;
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof StageError) && !late.aborted) throw error;
      throw new StageError('secret', `the Secret ${ref.namespace}/${ref.name} ${whyNot(ref, error)}`, { cause: error });
    }
  }
}

function whyNot({ namespace }: SecretRef, error: unknown): string {
  if (error instanceof StageError) return `can't be read: ${error.message}`;
  if (!(error instanceof ApiError)) return "can't be read: the API server does not answer in time";
  if (error.code === 404) return 'does not exist';
  if (error.code === 403) return `may not be read: install with --source-namespace ${namespace} to allow it`;
  return `can't be read: the API server answers ${error.code}`;
}

function decoded(data: unknown): SecretData {
  const entries = typeof data === 'object' && data !== null ? Object.entries(data) : [];
  return Object.fromEntries(
    entries.flatMap(([key, value]: [string, unknown]) => {
      const text = typeof value === 'string' ? textOf(value) : undefined;
      return text === undefined ? [] : [[key, text]];
    }),
  );
}

function textOf(base64: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(base64, 'base64'));
  } catch {
    return undefined;
  }
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
