/**
 * Artifacts on disk: `DIRECTORY/NAMESPACE/NAME/DIGEST.tar.gz`, the current one and the one before it, for who still fetches that.
 *
 * A file has its name only once it is complete, and what is under a name is what the name says: checked at start, and whenever it is read.
 */
import { createHash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { StoredArtifact } from '../../external-artifact.ts';
import { errorCode, isLeftover, writeAtomically } from '../standalone/atomic.ts';

/** Of an ExternalArtifact. */
export interface ArtifactPlace {
  readonly namespace: string;
  readonly name: string;
}

const FILE = /^([0-9a-f]{64})\.tar\.gz$/;
/** A name of the Kubernetes API, which is no path either. */
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
/** Besides the current one. */
const KEPT = 1;

/** Rejects with the file system's errors. */
export class ArtifactStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Makes the directory, and removes every file that is not what its name says, or that a crash left; gives their paths. */
  async open(): Promise<readonly string[]> {
    await fs.mkdir(this.#directory, { recursive: true });
    const removed: string[] = [];
    for (const namespace of await namesIn(this.#directory)) {
      for (const name of await namesIn(join(this.#directory, namespace))) {
        const folder = join(this.#directory, namespace, name);
        for (const file of await namesIn(folder)) {
          const digest = FILE.exec(file)?.[1];
          if (digest === undefined ? !isLeftover(file) : (await this.read({ namespace, name }, digest)) !== undefined) continue;
          await fs.rm(join(folder, file), { recursive: true, force: true });
          removed.push(`${namespace}/${name}/${file}`);
        }
      }
    }
    return removed;
  }

  /** Once it resolves, the artifact is on disk. */
  async put(place: ArtifactPlace, bytes: Buffer): Promise<StoredArtifact> {
    const digest = digestOf(bytes);
    const path = pathOf(place, digest);
    if ((await this.read(place, digest)) === undefined) {
      await fs.mkdir(this.#folder(place), { recursive: true });
      await writeAtomically(join(this.#directory, path), bytes);
    }
    return { digest, size: bytes.length, path };
  }

  /** `undefined` when it isn't there, or is not what it should be. */
  async read(place: ArtifactPlace, digest: string): Promise<Buffer | undefined> {
    try {
      const bytes = await fs.readFile(join(this.#directory, pathOf(place, digest)));
      return digestOf(bytes) === digest ? bytes : undefined;
    } catch (error) {
      if (['ENOENT', 'EISDIR', 'ENOTDIR'].includes(errorCode(error))) return undefined;
      throw error;
    }
  }

  /** Removes all but the current one and the newest besides. */
  async tidy(place: ArtifactPlace, current: string): Promise<void> {
    const folder = this.#folder(place);
    const others = (await namesIn(folder)).filter((file) => FILE.test(file) && file !== `${current}.tar.gz`);
    const ages = await Promise.all(others.map(async (file) => ({ file, time: (await fs.stat(join(folder, file))).mtimeMs })));
    ages.sort((a, b) => b.time - a.time);
    for (const { file } of ages.slice(KEPT)) await fs.rm(join(folder, file), { force: true });
  }

  /** Removes all of an ExternalArtifact that is no more. */
  async remove(place: ArtifactPlace): Promise<void> {
    await fs.rm(this.#folder(place), { recursive: true, force: true });
  }

  #folder(place: ArtifactPlace): string {
    return join(this.#directory, pathOf(place, ''), '..');
  }
}

function pathOf({ namespace, name }: ArtifactPlace, digest: string): string {
  if (!NAME.test(namespace) || !NAME.test(name)) throw new Error(`${JSON.stringify(`${namespace}/${name}`)} is no name of an object`);
  return `${namespace}/${name}/${digest}.tar.gz`;
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function namesIn(directory: string): Promise<string[]> {
  return fs.readdir(directory).catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error))) return [];
    throw error;
  });
}
