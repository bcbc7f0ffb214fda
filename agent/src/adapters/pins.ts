/** What an agent that is gone left in the kernel. */
import { access, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StageError } from '../stage-error.ts';

const DETACH_MS = 500;

/**
 * Lifts all enforcement that no agent looks after; says whether there was any. The default directory is the kernel adapter's. `wake` is
 * given directories of maps whose programs are gone: who waited for those waits no more.
 */
export async function removePins(directory = '/sys/fs/bpf/parapet', wake: (maps: string) => void = () => undefined): Promise<boolean> {
  try {
    await access(directory);
  } catch {
    return false;
  }
  try {
    // Links before all else: a program must not run on without what it calls, which is fail-closed. The kernel takes its time to detach.
    for (const version of await readdir(directory)) {
      for (const name of await readdir(join(directory, version))) {
        if (name.startsWith('links')) await rm(join(directory, version, name), { recursive: true, force: true });
      }
      await sleep(DETACH_MS);
      wake(join(directory, version, 'maps'));
    }
    await rm(directory, { recursive: true, force: true });
    return true;
  } catch (cause) {
    throw new StageError(`what is pinned in ${directory} cannot be removed`, { stage: 'kernel', retry: false, cause });
  }
}
