/** What an agent that is gone left in the kernel. */
import { access, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StageError } from '../stage-error.ts';

/** Lifts all enforcement that no agent looks after; says whether there was any. The default directory is the kernel adapter's. */
export async function removePins(directory = '/sys/fs/bpf/parapet'): Promise<boolean> {
  try {
    await access(directory);
  } catch {
    return false;
  }
  try {
    // Links before maps: a program must not run on with maps that are being taken away.
    for (const version of await readdir(directory)) {
      for (const name of await readdir(join(directory, version))) {
        if (name.startsWith('links')) await rm(join(directory, version, name), { recursive: true, force: true });
      }
    }
    await rm(directory, { recursive: true, force: true });
    return true;
  } catch (cause) {
    throw new StageError(`what is pinned in ${directory} cannot be removed`, { stage: 'kernel', retry: false, cause });
  }
}
