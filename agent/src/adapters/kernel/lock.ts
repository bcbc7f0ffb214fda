/** One agent a kernel: two would each undo what the other does. The kernel unlocks when the agent ends, however it ends. */
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { StageError } from '../../stage-error.ts';
import type { KernelLibrary } from './library.ts';

/** Exclusive, without waiting: a call that waits would hold up everything else. */
const LOCK_EX_NB = 2 | 4;
const PAUSE = 50;

/**
 * Locks the directory of the pins and gives back what unlocks it. An agent that was just killed may need a moment to be gone: tries for
 * `patience` milliseconds (default 2000), then throws a StageError.
 */
export async function lockKernel(library: Pick<KernelLibrary, 'flock'>, directory: string, patience = 2000): Promise<() => void> {
  const fd = openSync(directory, 'r');
  for (const end = performance.now() + patience; ; await sleep(PAUSE)) {
    if (library.flock(fd, LOCK_EX_NB) === 0) return () => closeSync(fd);
    if (performance.now() > end) break;
  }
  closeSync(fd);
  throw new StageError(`another agent enforces on this kernel (it holds ${directory}); stop it with: parapet agent stop --keep`, {
    stage: 'kernel',
    retry: false,
  });
}
