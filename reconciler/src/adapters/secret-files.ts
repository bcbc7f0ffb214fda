/** Secrets that are mounted as files, one a key, read again when they change; what they hold is in no error and no log. */
import { constants, promises as fs } from 'node:fs';
import { join, resolve } from 'node:path';
import { StageError } from '../stage-error.ts';

export interface SecretFilesOptions {
  /** Gets every value that is read, before anybody else: for a log that has to keep it out. */
  readonly redact?: (values: readonly string[]) => void;
  /** Bytes that a file may have; 1 MiB unless told, which is what Kubernetes takes. */
  readonly largest?: number;
}

const LARGEST = 1024 * 1024;
const MOST_KEYS = 1000;
/** Times that a directory is read again because it was exchanged meanwhile. */
const ATTEMPTS = 5;

/**
 * One directory of keys. Kubernetes exchanges all files of a mounted secret at once, by pointing the link `..data` somewhere else: what is given
 * is always of one such moment. In other directories each file counts for itself.
 */
export class SecretFiles {
  readonly #directory: string;
  readonly #options: SecretFilesOptions;
  #known: { readonly state: string; readonly values: ReadonlyMap<string, string> } | undefined;

  constructor(directory: string, options: SecretFilesOptions = {}) {
    this.#directory = directory;
    this.#options = options;
  }

  /** The value of a key, as it is now, without blanks and line ends around it. Rejects with a StageError (`secret`) when it is not there or holds nothing. */
  async get(key: string): Promise<string> {
    const value = (await this.all()).get(key)?.trim();
    if (value === undefined) throw failure(join(this.#directory, key), 'is not there');
    if (value === '') throw failure(join(this.#directory, key), 'is empty');
    return value;
  }

  /** Every key with its value, exactly as written. Rejects with a StageError (`secret`) that names the file when one can't be read. */
  async all(): Promise<ReadonlyMap<string, string>> {
    for (let attempt = 1; ; attempt += 1) {
      const folder = await this.#folder();
      const keys = await this.#keys(folder);
      const state = await stateOf(folder, keys);
      if (state === this.#known?.state) return this.#known.values;
      const values = await this.#read(folder, keys).catch((error: unknown) => {
        // Files of a moment that is over are no longer there.
        if (attempt < ATTEMPTS) return undefined;
        throw error;
      });
      if (values === undefined || (state !== (await stateOf(folder, keys)) && attempt < ATTEMPTS)) continue;
      this.#options.redact?.([...values.values()]);
      this.#known = { state, values };
      return values;
    }
  }

  /** Where the files of this moment are: what `..data` leads to now, or the directory itself. */
  async #folder(): Promise<string> {
    const target = await fs.readlink(join(this.#directory, '..data')).catch(() => '.');
    return resolve(this.#directory, target);
  }

  /** Names that Kubernetes takes for keys, without `..data` and what it leads to. */
  async #keys(folder: string): Promise<readonly string[]> {
    const names = await fs.readdir(folder).catch((cause: unknown) => {
      throw failure(this.#directory, 'cannot be listed', cause);
    });
    const keys = names.filter((name) => /^[\w.-]{1,253}$/.test(name) && !name.startsWith('..')).sort();
    if (keys.length > MOST_KEYS) throw failure(this.#directory, `has more than ${MOST_KEYS} keys`);
    return keys;
  }

  async #read(folder: string, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const values = new Map<string, string>();
    for (const key of keys) {
      // People know the file by its name in the directory.
      const names = { file: join(folder, key), known: join(this.#directory, key) };
      const value = await readBounded(names, this.#options.largest ?? LARGEST);
      if (value !== undefined) values.set(key, value);
    }
    return values;
  }
}

/** Changes when anything in the folder does: which one it is, names, what they lead to, sizes, times of writing. */
async function stateOf(folder: string, keys: readonly string[]): Promise<string> {
  const states = await Promise.all(
    keys.map(async (key) => {
      const { dev, ino, size, mtimeNs, ctimeNs } = await fs.stat(join(folder, key), { bigint: true }).catch(() => NOTHING);
      return [key, dev, ino, size, mtimeNs, ctimeNs].join(' ');
    }),
  );
  return [folder, ...states].join('\n');
}

const NOTHING = { dev: 0n, ino: 0n, size: 0n, mtimeNs: 0n, ctimeNs: 0n };

/** The file's text; undefined when it is a directory. Nothing is waited for: a pipe would never end. */
async function readBounded(
  { file, known }: { readonly file: string; readonly known: string },
  largest: number,
): Promise<string | undefined> {
  const handle = await fs.open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw failure(known, 'cannot be read', cause);
  });
  try {
    const about = await handle.stat();
    if (about.isDirectory()) return undefined;
    if (!about.isFile()) throw failure(known, 'is not a file');
    // Its size may be another by now: so much is read, and no more.
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(about.size, largest) + 1));
    if (about.size > largest || bytesRead > largest) throw failure(known, `is larger than ${largest} bytes`);
    if (bytesRead > about.size) throw failure(known, 'was written to while it was read');
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(buffer.subarray(0, bytesRead));
  } catch (cause) {
    throw cause instanceof StageError ? cause : failure(known, 'cannot be read as text', cause);
  } finally {
    await handle.close();
  }
}

function failure(file: string, why: string, cause?: unknown): StageError {
  return new StageError('secret', `the secret ${file} ${why}`, { cause });
}
