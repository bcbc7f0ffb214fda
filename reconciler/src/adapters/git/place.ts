/** The directory of one source: its mirror, and what is there only while something is done. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { KEYS } from './access.ts';
import { limitMemory } from './command.ts';
import { MIRROR } from './mirror.ts';
import { SIGNERS } from './signatures.ts';

/** Folders with the files of a commit. */
export const WORK = 'work-';

/** What an earlier version, or one that followed something else, may have left too. */
const LEFT = [KEYS, SIGNERS, MIRROR, 'work', 'mirror'];

/** Makes the directory ours: without what a crash left, and without mirrors of other addresses than that of `mirror`. */
export async function openPlace(directory: string, mirror: string): Promise<void> {
  await fs.mkdir(directory, { recursive: true, mode: 0o700 });
  const names = await fs.readdir(directory);
  const left = names.filter((name) => LEFT.some((start) => name.startsWith(start))).map((name) => join(directory, name));
  await Promise.all(left.filter((path) => path !== mirror).map(async (path) => fs.rm(path, { recursive: true, force: true })));
  await limitMemory(directory);
}
