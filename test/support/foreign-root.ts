/** A process whose root is a directory of its own, as a container's is: a mount namespace with another root. Needs root. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface ForeignRoot {
  readonly pid: number;
  close(): Promise<void>;
}

const SCRIPT =
  'set -e; mount --bind "$1" "$1"; cd "$1"; mount -t proc proc proc; pivot_root . old; exec /busybox sh -c "/busybox umount -l /old; echo ready; exec /busybox sleep 1000"';

/** Makes the directory with `fill` (it holds busybox, `proc` and `old` already) and starts a process in it. */
export async function startInRoot(fill: (root: string) => void): Promise<ForeignRoot> {
  const root = mkdtempSync(path.join(tmpdir(), 'parapet-root-'));
  copyFileSync('/bin/busybox', path.join(root, 'busybox'));
  for (const directory of ['proc', 'old']) mkdirSync(path.join(root, directory));
  writeFileSync(path.join(root, 'plain'), '');
  fill(root);
  const child = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', SCRIPT, 'sh', root], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await ready(child);
  return {
    pid: child.pid ?? 0,
    close: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function ready(child: ChildProcess): Promise<void> {
  let said = '';
  return new Promise((resolve, reject) => {
    child.stderr?.on('data', (text: Buffer) => (said += text.toString()));
    child.stdout?.once('data', () => resolve());
    child.once('exit', (code) => reject(new Error(`the process with a root of its own ended with ${String(code)}: ${said}`)));
  });
}
