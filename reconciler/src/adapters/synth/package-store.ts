/** The package store: a folder in the form of npm's cache, which operators fill. Only read here, and only by the hash of what is in a file. */
import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pinned } from './lock-file.ts';
import { bytesText } from './limits.ts';
import { readSource, Refusal } from './source-file.ts';

/** Bytes of one archive, compressed. */
const MAX_ARCHIVE = 64 * 1024 * 1024;

/** What the operator has to put right: nobody's program is refused for it, and it is tried again. The message has no path in it. */
export class StoreFailure extends Error {}

export class PackageStore {
  readonly #folder: string;

  /** `folder` is what `npm cache add --cache` was given. */
  constructor(folder: string) {
    this.#folder = join(folder, '_cacache');
  }

  /** Whether the package is there; its bytes are looked at by `read` only. Throws a StoreFailure where the store can't be looked at. */
  async has(pinned: Pinned): Promise<boolean> {
    if (await isThere(this.#fileOf(pinned))) return true;
    // One that is not mounted must not pass for one that lacks something: programs would go on with other packages.
    if (await isThere(this.#folder)) return false;
    throw new StoreFailure('the package store is not there: it has no folder _cacache, which npm cache add --cache DIR makes');
  }

  /** The archive, whose bytes have the hash that the lock file names. Throws a StoreFailure when they don't, or it can't be read. */
  async read(pinned: Pinned): Promise<Buffer> {
    const data = await readSource(this.#fileOf(pinned), MAX_ARCHIVE).catch((cause: unknown) => {
      if (!(cause instanceof Refusal)) throw cause;
      const message = `${packageText(pinned)} in the package store cannot be used: ${cause.message} (at most ${bytesText(MAX_ARCHIVE)})`;
      throw new StoreFailure(message, { cause });
    });
    if (createHash('sha512').update(data).digest('base64') === hashOf(pinned)) return data;
    throw new StoreFailure(
      `${packageText(pinned)} in the package store has not the integrity ${pinned.integrity}: it was tampered with or is damaged; remove it, find out why, and add it again`,
    );
  }

  #fileOf(pinned: Pinned): string {
    const hex = Buffer.from(hashOf(pinned), 'base64').toString('hex');
    return join(this.#folder, 'content-v2', 'sha512', hex.slice(0, 2), hex.slice(2, 4), hex.slice(4));
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw new StoreFailure(`the package store cannot be read: ${code}`, { cause: error });
  }
}

/** What is said of a package that the store lacks. */
export function missingFrom(pinned: Pinned): StoreFailure {
  const text = packageText(pinned);
  return new StoreFailure(
    `the package store has no ${text}: npm cache add ${text} --cache DIR (package-lock.json wants ${pinned.integrity})`,
  );
}

/** `cdk8s@2.70.106` */
export const packageText = ({ name, version }: Pick<Pinned, 'name' | 'version'>): string => `${name}@${version}`;

/** Written as it is written here, whatever the bits are that base64 leaves open. */
const hashOf = ({ integrity }: Pinned): string => Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('base64');
