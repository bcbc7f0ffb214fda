/** Keeps esbuild from the file system: it gets every file from our plugin, but a pattern in an import makes it search folders by itself. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { PRLIMIT } from './one-shot.ts';

/**
 * Takes from the processes that this one has started the right to open anything more. Does nothing where the system has no means for it:
 * what esbuild finds is refused anyway, this only keeps it from looking.
 */
export async function sealChildren(): Promise<void> {
  const children = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8').catch(() => '');
  const pids = children.split(' ').filter((pid) => /^\d+$/.test(pid));
  await Promise.all(pids.map((pid) => finished(spawn(PRLIMIT, ['--pid', pid, '--nofile=0:0'], { stdio: 'ignore' }))));
}

function finished(child: ReturnType<typeof spawn>): Promise<void> {
  return new Promise((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
}
