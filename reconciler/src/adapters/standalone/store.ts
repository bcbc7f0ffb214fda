/** A JSON value in a file of the target's store. */
import { promises as fs } from 'node:fs';
import { dirname } from 'node:path';
import type { Store } from '../../ports.ts';
import { parseJson, readRegularFile, writeAtomically } from './atomic.ts';

const MAX_BYTES = 16 * 1024 * 1024;

export class FileStore implements Store {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  async load(): Promise<unknown> {
    const file = await readRegularFile(this.#file, MAX_BYTES);
    return file === undefined ? undefined : parseJson(file.text);
  }

  async save(value: unknown): Promise<void> {
    await fs.mkdir(dirname(this.#file), { recursive: true });
    await writeAtomically(this.#file, JSON.stringify(value));
  }
}
