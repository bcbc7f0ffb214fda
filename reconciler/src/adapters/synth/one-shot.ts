/** A process that answers once: input by stdin, output by stdout, an empty environment, killed with all it started when it takes too long. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { StageError } from '../../stage-error.ts';
import { wallMsOf } from './limits.ts';

/** Sets the kernel's limits for a process; part of every Debian. */
export const PRLIMIT = '/usr/bin/prlimit';
const MAX_STDERR = 16 * 1024;

export interface OneShot {
  /** Arguments for Node. */
  readonly args: readonly string[];
  readonly input: readonly Uint8Array[];
  /** Milliseconds of processor time until SIGXCPU, rounded up to seconds; of every process that it starts as well. */
  readonly cpuMs: number;
  /** Milliseconds by the clock on the wall until SIGKILL. */
  readonly wallMs: number;
  /** Bytes of output after which it is killed. */
  readonly outputBytes: number;
  /** Bytes of private memory the kernel lets it write to, where `prlimit` is there to say so. */
  readonly dataBytes: number;
  /** Bytes of its main stack. Default: what this process has. */
  readonly stackBytes?: number;
  /** Descriptors it may have open at one time. */
  readonly openFiles: number;
  readonly signal?: AbortSignal | undefined;
}

export interface OneShotResult {
  /** Why it ended: by itself, or killed for time or output. */
  readonly ended: 'itself' | 'time' | 'output';
  readonly exitCode: number | null;
  readonly exitSignal: NodeJS.Signals | null;
  readonly output: Buffer;
  /** The end of what it wrote to stderr: for people who look for a bug, never for authors. */
  readonly stderr: string;
}

/** Runs Node once. Rejects with a StageError when the process can't be started, and with the signal's reason when aborted. */
export async function runOneShot(shot: OneShot): Promise<OneShotResult> {
  shot.signal?.throwIfAborted();
  const child = start(shot);
  let ended: OneShotResult['ended'] = 'itself';
  const end = (why: OneShotResult['ended']) => {
    ended = why;
    killGroup(child);
  };
  const timer = setTimeout(() => end('time'), shot.wallMs);
  const abort = () => killGroup(child);
  shot.signal?.addEventListener('abort', abort, { once: true });
  try {
    const output: Buffer[] = [];
    let size = 0;
    let stderr = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > shot.outputBytes) end('output');
      else output.push(chunk);
    });
    child.stderr?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString('utf8')).slice(-MAX_STDERR)));
    // The process may be gone before it has read everything; how it ended says more than EPIPE.
    child.stdin?.on('error', () => undefined);
    const closed = closing(child);
    for (const part of shot.input) child.stdin?.write(part);
    child.stdin?.end();
    const { exitCode, exitSignal } = await closed;
    shot.signal?.throwIfAborted();
    return { ended, exitCode, exitSignal, output: Buffer.concat(output), stderr };
  } finally {
    clearTimeout(timer);
    shot.signal?.removeEventListener('abort', abort);
  }
}

/** What is said when the clock on the wall ended it, which no program can bring about by itself: it is tried again. */
export function tooBusy(what: string, cpuMs: number): StageError {
  const had = `less than ${cpuMs / 1000} s of processor time in ${wallMsOf(cpuMs) / 1000} s`;
  return new StageError('synth', `this machine is too busy for ${what}: it had ${had}`);
}

function start(shot: OneShot): ChildProcess {
  const seconds = Math.ceil(shot.cpuMs / 1000);
  // No core, and no file written: neither esbuild nor a program needs one.
  const limits = [`--core=0`, `--fsize=0`, `--nofile=${shot.openFiles}`, `--cpu=${seconds}:${seconds + 1}`, `--data=${shot.dataBytes}`];
  if (shot.stackBytes !== undefined) limits.push(`--stack=${shot.stackBytes}`);
  const limited = existsSync(PRLIMIT);
  const command = limited ? PRLIMIT : process.execPath;
  const args = limited ? [...limits, '--', process.execPath, ...shot.args] : [...shot.args];
  // Its own process group, so that what it started dies with it.
  return spawn(command, args, { cwd: '/', env: {}, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
}

function closing(child: ChildProcess): Promise<{ exitCode: number | null; exitSignal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(new StageError('synth', 'the sandbox process cannot be started', { cause })));
    child.once('close', (exitCode, exitSignal) => resolve({ exitCode, exitSignal }));
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}
