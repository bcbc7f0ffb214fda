/**
 * Keeps esbuild from the file system, which it gets every file of from our plugin, but which a pattern in an import makes it search by itself;
 * and from memory that source code could make it ask for without end.
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { PRLIMIT } from './one-shot.ts';

/** Bytes of memory that esbuild may write to: for ten megabytes of source it needs less than half of them. */
const DATA_BYTES = 512 * 1024 * 1024;

/**
 * Takes from the processes that this one has started the right to open anything more, and bounds their memory. Does nothing where the system
 * has no means for it: what esbuild finds is refused anyway, this only keeps it from looking.
 */
export async function sealChildren(): Promise<void> {
  const children = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8').catch(() => '');
  const pids = children.split(' ').filter((pid) => /^\d+$/.test(pid));
  await Promise.all(
    pids.map((pid) => finished(spawn(PRLIMIT, ['--pid', pid, '--nofile=0:0', `--data=${DATA_BYTES}`], { stdio: 'ignore' }))),
  );
}

function finished(child: ReturnType<typeof spawn>): Promise<void> {
  return new Promise((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
}
